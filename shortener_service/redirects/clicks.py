"""The click that a hit becomes, and how all of a request are written for the store."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import click_pb2, relay_service_pb2
from common import clock
from common.ids import uuid7_bytes
from shortener_service.agents.rules import RULES_VERSION
from shortener_service.protobuf_wire import delimited, tag_of, text
from shortener_service.redirects.link_cache import LiveLink
from shortener_service.redirects.verdicts import classify

# Kinds of visits remembered: a kilobyte each, or ten with headers as long as they may be.
REMEMBERED = 4_096

# Other programs add parameters of their own, write it in capitals, or stick a full stop to it.
_QR = re.compile(r"qr\W*", re.IGNORECASE)
_SOURCES = frozenset({"source", "src"})

_CLICK = tag_of(relay_service_pb2.DeliverRequest, "clicks")
_ID = tag_of(click_pb2.Click, "id")
_CLICKED_AT = tag_of(click_pb2.Click, "clicked_at")
_SESSION = tag_of(click_pb2.Click, "session")
_ADDRESS = tag_of(click_pb2.Click, "address")
_CREATED_AT = tag_of(session_pb2.Session, "created_at")


class Visit(NamedTuple):
    """Who opened a link, and how."""

    verdict: "click_pb2.Verdict.ValueType"
    fields: bytes
    """Part of a serialized `Click`: all that the hit says, but for code, address, time and nonce."""


# Host, query, user agent, referrer, language, purpose, whether it is a HEAD.
_HitFields = tuple[str, str, str, str, str, str, bool]


def visit_of(hit: pb.Hit) -> Visit:
    """Return what a hit tells of its visitor. Most are remembered: many people send the same."""
    return _visit((hit.host, hit.query, hit.user_agent, hit.referrer, hit.accept_language, hit.purpose, hit.is_head))


@lru_cache(maxsize=REMEMBERED)
def _visit(fields: _HitFields) -> Visit:
    host, query, user_agent, referrer, accept_language, purpose, is_head = fields
    found = classify(user_agent, purpose, is_head=is_head)
    click = click_pb2.Click(
        verdict=found.verdict,
        verdict_reason=found.reason,
        rules_version=RULES_VERSION,
        host=host,
        query=query,
        user_agent=user_agent,
        referrer=referrer,
        accept_language=accept_language,
        source=source_of(query),
    )
    return Visit(found.verdict, click.SerializeToString())


def source_of(query: str) -> str:
    """Return how a link was opened: "qr" where a parameter is `qr`, or `source` or `src` says so; else "link"."""
    # Most hits have no query at all.
    if "qr" not in query.lower():
        return "link"
    parameters = parse_qsl(query.replace(";", "&"), keep_blank_values=True, max_num_fields=None)
    is_scan = any(_QR.fullmatch(value if name in _SOURCES else name) for name, value in parameters)
    return "qr" if is_scan else "link"


class ShardClicks:
    """The clicks of a batch in one shard, for the outbox, and their sessions."""

    __slots__ = ("_clicks", "hits", "sessions")

    def __init__(self) -> None:
        self._clicks: list[bytes] = []
        self.sessions: dict[str, bytes] = {}
        self.hits: list[tuple[int, pb.Hit, LiveLink]] = []
        """The hits that they are of, by their positions in the batch."""

    @property
    def delivery(self) -> bytes:
        """Return the clicks as a serialized `DeliverRequest`."""
        return b"".join(self._clicks)

    def add(self, position: int, hit: pb.Hit, link: LiveLink, visit: Visit, session: str) -> None:
        """Add a hit's click, and its session if it has one."""
        self.hits.append((position, hit, link))
        received_at = hit.received_at
        time = received_at.SerializeToString()
        click = (
            link.click_head
            + visit.fields
            + delimited(_ID, uuid7_bytes(clock.stamp_milliseconds(received_at), hit.nonce[40:]))
            + delimited(_CLICKED_AT, time)
            + text(_ADDRESS, hit.address)
        )
        if session:
            click += text(_SESSION, session)
            self.sessions[session] = link.session_head + delimited(_CREATED_AT, time)
        self._clicks.append(delimited(_CLICK, click))
