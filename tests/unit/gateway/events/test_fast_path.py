"""Which events are sent at once: by a credential that is remembered, with nothing to ask for and nothing wrong."""

import gzip
from asyncio import Future
from collections.abc import Mapping
from typing import Any, cast

import pytest

from clicktrail.tracking.v1.event_pb2 import Receipt, Submission
from gateway.account import Account
from gateway.addresses import DIRECT
from gateway.events.events import Events
from gateway.events.fast_path import SingleEvents
from gateway.http.head import Head
from gateway.rate_limits.limits import RateLimits

PAGES, SERVERS = b"/v1/track/events", b"/v1/attribution/events"
EVENT = b'{"action":"page.viewed","session":"abcdefgh"}'
CLAIM = b'{"action":"page.viewed","session":"abcdefgh","profile":"p1"}'
HEADERS = {b"authorization": b"Bearer token", b"content-type": b"application/json", b"user-agent": b"phone"}
PEER = "192.0.2.1"


class Remembering:
    """Stands for credentials, of which one is remembered, and for a batcher."""

    def __init__(self, *, is_private: bool = True) -> None:
        self._account = Account("shop", is_private, frozenset())
        self.rooms = 1
        self.submitted: list[Submission] = []

    def remembered(self, headers: Mapping[str, str], *, needs_private: bool) -> Account | None:
        """Return the account of the one token."""
        is_known = headers.get("authorization") == "Bearer token"
        return self._account if is_known and (self._account.is_private or not needs_private) else None

    def has_room(self, events: int, _sender: str) -> bool:
        """Tell whether there is room left."""
        return events <= self.rooms

    def submit(self, submission: Submission, _sender: str) -> Future[Receipt]:
        """Note an event."""
        self.submitted.append(submission)
        return Future()


def head(target: bytes = SERVERS, *more: tuple[bytes, bytes], **headers: bytes) -> Head:
    """Return the head of a POST with these headers besides the usual ones, which they replace."""
    told = HEADERS | {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return Head(b"POST", target, "1.1", [*told.items(), *more], expects_continue=False)


def is_sent(stand_in: Remembering, request: Head, body: bytes = EVENT) -> bool:
    """Tell whether a request is answered at once."""
    events = Events(cast("Any", stand_in), RateLimits(), cast("Any", None), cast("Any", stand_in), DIRECT)
    offered = SingleEvents(events).offer(request, PEER)
    assert offered
    return offered.whole(body) is not None


@pytest.mark.parametrize(
    ("usual", "body"),
    [
        (head(), EVENT),
        (head(PAGES), EVENT),
        (head(content_type=b"text/plain; charset=UTF-8"), EVENT),
        (head(idempotency_key=b"k1"), EVENT),
        (head(origin=b"https://a.b"), EVENT),
        (head(content_encoding=b"gzip"), gzip.compress(EVENT, mtime=0)),
    ],
)
async def test_what_needs_nothing_more_is_sent(usual: Head, body: bytes) -> None:
    """With its key, where it has one, and with who sent it."""
    stand_in = Remembering()
    assert is_sent(stand_in, usual, body)
    (submission,) = stand_in.submitted
    assert (submission.event.action, submission.event.session) == ("page.viewed", "abcdefgh")
    assert submission.key == ("k1" if (b"idempotency-key", b"k1") in usual.headers else "")
    assert (submission.business_id, submission.address, submission.user_agent) == ("shop", PEER, "phone")


@pytest.mark.parametrize(
    ("unusual", "body"),
    [
        (head(authorization=b"Bearer another"), EVENT),
        (head(content_encoding=b"gzip"), EVENT),
        (head(content_type=b"application/json; charset=latin-1"), EVENT),
        (head(), b"{"),
        (head(), b"[]"),
        (head(), b'{"action":1}'),
        (head(), CLAIM),
        (head(SERVERS, (b"idempotency-key", b"a"), (b"idempotency-key", b"b")), EVENT),
    ],
)
async def test_all_else_is_left_alone(unusual: Head, body: bytes) -> None:
    """Its route knows what to ask for, or what to say to it."""
    stand_in = Remembering()
    assert not is_sent(stand_in, unusual, body)
    assert stand_in.submitted == []


async def test_where_there_is_no_room_the_route_says_so() -> None:
    """It is not parsed for nothing."""
    stand_in = Remembering()
    stand_in.rooms = 0
    assert not is_sent(stand_in, head())


async def test_a_public_id_opens_the_pages_route_alone() -> None:
    """As everywhere."""
    stand_in = Remembering(is_private=False)
    assert is_sent(stand_in, head(PAGES))
    assert not is_sent(stand_in, head(SERVERS))


def test_events_are_known_by_method_and_path() -> None:
    """Those whose client waits to be told to send them are left to ASGI."""
    events = SingleEvents(cast("Any", None))
    usual = head(PAGES)
    assert events.offer(usual, PEER)
    for unusual in (
        usual._replace(method=b"GET"),
        usual._replace(target=PAGES + b"/batch"),
        usual._replace(expects_continue=True),
    ):
        assert events.offer(unusual, PEER) is None
