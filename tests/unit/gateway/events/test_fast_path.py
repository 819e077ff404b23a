"""Which events are taken at once: as most are, by a credential that is remembered."""

from asyncio import Future
from typing import Any, cast

import pytest

from clicktrail.tracking.v1.event_pb2 import Receipt
from gateway.auth import Account
from gateway.events.fast_path import Post, Posts
from gateway.events.fields import ParsedEvent
from gateway.http.head import Head

PAGES, SERVERS = b"/v1/track/events", b"/v1/attribution/events"
EVENT = b'{"action":"page.viewed","session":"abcdefgh"}'
HEADERS = {b"authorization": b"Bearer token", b"content-type": b"application/json", b"user-agent": b"phone"}


class Remembering:
    """Stands for credentials, of which one is remembered, and for events, which all depart."""

    def __init__(self, *, is_private: bool = True) -> None:
        self._account = Account("shop", is_private, frozenset())
        self.departed: list[ParsedEvent] = []

    def remembered(self, authorization: str, _origin: str | None) -> Account | None:
        """Return the account of the one token."""
        return self._account if authorization == "Bearer token" else None

    def depart(self, _account: Account, parsed: ParsedEvent, *_others: object) -> Future[Receipt]:
        """Note an event."""
        self.departed.append(parsed)
        return Future()


def posts_of(stand_in: Remembering) -> Posts:
    """Return posts over a stand-in for all that is behind them."""
    return Posts(cast("Any", stand_in), cast("Any", stand_in))


def post(target: bytes = SERVERS, body: bytes = EVENT, **headers: bytes) -> Post:
    """Return a POST with these headers besides the usual ones."""
    told = HEADERS | {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return Post(target, list(told.items()), "192.0.2.1", body)


@pytest.mark.parametrize(
    "usual",
    [post(), post(PAGES), post(content_type=b"text/plain"), post(idempotency_key=b"k1"), post(origin=b"https://a.b")],
)
async def test_what_is_as_most_are_departs(usual: Post) -> None:
    """With its key, where it has one."""
    stand_in = Remembering()
    assert posts_of(stand_in).depart(usual) is not None
    (parsed,) = stand_in.departed
    assert (parsed.event.action, parsed.faults) == ("page.viewed", [])
    assert parsed.key == ("k1" if (b"idempotency-key", b"k1") in usual.headers else None)


@pytest.mark.parametrize(
    "unusual",
    [
        post(authorization=b"Bearer another"),
        post(content_encoding=b"gzip"),
        post(content_type=b"application/json; charset=latin-1"),
        post(body=b"{"),
        post(body=b"[]"),
        Post(SERVERS, [*HEADERS.items(), (b"idempotency-key", b"a"), (b"idempotency-key", b"b")], "192.0.2.1", EVENT),
    ],
)
async def test_what_is_not_is_left_alone(unusual: Post) -> None:
    """The API knows what to say to it."""
    stand_in = Remembering()
    assert posts_of(stand_in).depart(unusual) is None
    assert stand_in.departed == []


async def test_a_public_id_opens_the_pages_route_alone() -> None:
    """As everywhere."""
    posts = posts_of(Remembering(is_private=False))
    assert posts.depart(post(PAGES)) is not None
    assert posts.depart(post(SERVERS)) is None


def test_events_are_known_by_method_and_path() -> None:
    """Those whose client waits to be told to send them are left to ASGI."""
    posts = posts_of(Remembering())
    usual = Head(b"POST", PAGES, "1.1", [], expects_continue=False)
    assert posts.offer(usual, "192.0.2.1")
    for unusual in (
        usual._replace(method=b"GET"),
        usual._replace(target=PAGES + b"/batch"),
        usual._replace(expects_continue=True),
    ):
        assert posts.offer(unusual, "192.0.2.1") is None
