"""Who is behind a hit: who sends its user agent, unless the request itself says that nobody opened the link."""

import re

from clicktrail.tracking.v1 import click_pb2
from shortener_service.agents.judge import Judgement, judge

HUMAN = click_pb2.VERDICT_HUMAN
PREFETCH = click_pb2.VERDICT_PREFETCH
HEAD = click_pb2.VERDICT_HEAD

_PREFETCHES = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)


def classify(user_agent: str, purpose: str, *, is_head: bool) -> Judgement:
    """Return who is behind a hit; the same for the same input and version of the rules."""
    if purpose and _PREFETCHES.search(purpose):
        return Judgement(PREFETCH, "prefetch header")
    if is_head:
        return Judgement(HEAD, "HEAD request")
    return judge(user_agent)
