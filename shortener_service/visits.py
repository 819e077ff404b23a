"""What a hit tells of its visitor: the verdict, and the fields of its click that many hits have alike."""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from clicktrail.tracking.v1 import click_pb2
from shortener_service.verdicts import RULES_VERSION, judge

# Kinds of visits remembered: a kilobyte each, or ten where somebody sends headers as long as they may be.
REMEMBERED = 4_096


class Visit(NamedTuple):
    """Who opened a link, and how."""

    verdict: "click_pb2.Verdict.ValueType"
    fields: bytes
    """Part of a serialized `Click`: all that the hit says, but for code, address, time and nonce."""


# Host, query, user agent, referrer, language, purpose, whether it is a HEAD.
_Told = tuple[str, str, str, str, str, str, bool]


def visit_of(hit: pb.Hit) -> Visit:
    """Return what a hit tells of its visitor. People with one browser and language are alike: most are known."""
    return _visit((hit.host, hit.query, hit.user_agent, hit.referrer, hit.accept_language, hit.purpose, hit.is_head))


@lru_cache(maxsize=REMEMBERED)
def _visit(told: _Told) -> Visit:
    host, query, user_agent, referrer, accept_language, purpose, is_head = told
    judgement = judge(user_agent, purpose, is_head=is_head)
    click = click_pb2.Click(
        verdict=judgement.verdict,
        verdict_reason=judgement.reason,
        rules_version=RULES_VERSION,
        host=host,
        query=query,
        user_agent=user_agent,
        referrer=referrer,
        accept_language=accept_language,
        source=source_of(query),
    )
    return Visit(judgement.verdict, click.SerializeToString())


def source_of(query: str) -> str:
    """Return how a link was opened: "qr" where the query is `qr` or says `source=qr` or `src=qr`, else "link"."""
    # Most hits have no query at all.
    if "qr" not in query:
        return "link"
    values = parse_qs(query, max_num_fields=None)
    is_scan = query == "qr" or "qr" in values.get("source", ()) or "qr" in values.get("src", ())
    return "qr" if is_scan else "link"
