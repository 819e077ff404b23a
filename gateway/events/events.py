"""Takes in events over HTTP: one or a batch, from a page or a server."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PRIVATE, CREDENTIAL_PUBLIC, Event, Receipt, Submission
from clicktrail.tracking.v1.event_service_pb2 import TrackEventsResponse
from common.clock import now_timestamp, stamp_milliseconds
from common.errors import Fault, FaultType, Reason, field_fault, invalid_field, overloaded, unavailable
from common.ids import uuid7_bytes
from common.json_text import JsonTextError
from common.json_writer import write
from gateway.account import Account
from gateway.addresses import ClientAddresses, network_of
from gateway.auth import Credentials
from gateway.events.fields import ParsedEvent, parse_event
from gateway.events.operations import (
    BATCH_FROM_PAGE,
    BATCH_FROM_SERVER,
    BATCH_LIMIT,
    FROM_PAGE,
    FROM_SERVER,
    LOOK_AT_OLDER_PIXEL,
    LOOK_AT_PIXEL,
    OLDER_PIXEL,
    PIXEL,
)
from gateway.events.receipts import (
    PIXEL_STYLE,
    answer_of,
    event_in_query,
    image,
    is_unavailable,
    receipt_of_error,
    rejected,
)
from gateway.http import bodies
from gateway.http.asgi import RawHeaders
from gateway.http.errors import RefusedError
from gateway.http.exchange import Answer, Exchange, headers_in, values_in
from gateway.http.routes import Handler, Route, Routes
from gateway.json.text import Value, dumps
from gateway.rate_limits.budgets import BudgetKind
from gateway.rate_limits.limits import RateLimits
from gateway.redirects.hits import HEADER_LENGTH_LIMIT
from gateway.rpc.batcher import Batcher
from gateway.rpc.fresh_sessions import FreshSessions

Authenticate = Callable[[Exchange, BudgetKind | None], Awaitable[Account]]
EventBatcher = Batcher[Submission, Receipt]


class Events:
    """The routes that take events in."""

    def __init__(
        self,
        credentials: Credentials,
        limits: RateLimits,
        fresh_sessions: FreshSessions,
        batcher: EventBatcher,
        client_addresses: ClientAddresses,
    ) -> None:
        self._credentials = credentials
        self._limits = limits
        self._fresh_sessions = fresh_sessions
        self._batcher = batcher
        self._client_addresses = client_addresses

    def routes(self) -> Routes:
        """Return the routes, for pages and for servers."""
        public, private = self._credentials.any, self._credentials.private
        return [
            Route(FROM_PAGE, self._single(public)),
            Route(BATCH_FROM_PAGE, self._batch(public)),
            Route(FROM_SERVER, self._single(private)),
            Route(BATCH_FROM_SERVER, self._batch(private)),
            *(Route(shown, self.show_pixel, PIXEL_STYLE) for shown in (PIXEL, OLDER_PIXEL)),
            *(Route(looked, self.look_at_pixel, PIXEL_STYLE) for looked in (LOOK_AT_PIXEL, LOOK_AT_OLDER_PIXEL)),
        ]

    async def show_pixel(self, exchange: Exchange) -> Answer:
        """Answer the image once the event that its address describes is kept."""
        account = await self._credentials.any(exchange, None)
        await exchange.body.discard()
        await self._receive(exchange, account, parse_event(event_in_query(exchange), exchange.every("idempotency-key")))
        return image()

    async def look_at_pixel(self, exchange: Exchange) -> Answer:
        """Answer as for the image, which nobody sees: no event."""
        await exchange.body.discard()
        return image()

    def _single(self, authenticate: Authenticate) -> Handler:
        async def handle(exchange: Exchange) -> Answer:
            account = await authenticate(exchange, None)
            self._limits.check(_KINDS, account, exchange.network)
            body = await exchange.body.read(bodies.EVENT)
            return await self._receive(exchange, account, _read_one(exchange.headers, exchange.scope["headers"], body))

        return handle

    def try_submit(
        self, raw_headers: RawHeaders, peer: str, body: bytes, *, needs_private: bool
    ) -> asyncio.Future[Receipt] | None:
        """Send a single event at once, as its route would.

        None where that must ask before, for its credential or its claim, where it would refuse, and where there is no
        room now.
        """
        headers = headers_in(raw_headers)
        account = self._credentials.remembered(headers, needs_private=needs_private)
        if account is None or not self._batcher.has_room(1, account.business_id):
            return None
        try:
            parsed = _read_one(headers, raw_headers, body)
        except (RefusedError, JsonTextError):
            return None
        if parsed.faults or _is_claim(parsed.event):
            return None
        address = self._client_addresses.of(peer, raw_headers)
        if not self._limits.try_take(_kind_of(parsed), account, network_of(address), _units(1, parsed.size)):
            return None
        submission = _submission(account, parsed, address, headers.get("user-agent", ""))
        return self._batcher.submit(submission, account.business_id)

    async def _receive(self, exchange: Exchange, account: Account, parsed: ParsedEvent) -> Answer:
        """Return the answer to a single event. Raises the refusal of one that is not taken."""
        self._limits.take(_kind_of(parsed), account, exchange.network, _units(1, parsed.size))
        if parsed.faults:
            return answer_of(rejected(parsed.faults))
        submission = self._submission(exchange, account, parsed)
        await self._add_fresh_sessions(account, [submission])
        return answer_of(await self._batcher.submit(submission, account.business_id))

    def _batch(self, authenticate: Authenticate) -> Handler:
        async def handle(exchange: Exchange) -> Answer:
            account = await authenticate(exchange, None)
            self._limits.check(_KINDS, account, exchange.network)
            body = await exchange.body.read(bodies.BATCH)
            # A thousand events take longer to read than a redirect may wait.
            parsed, size = await exchange.work(_read_batch, exchange.headers, body)
            self._take(account, exchange.network, parsed, size)
            receipts = await self._track(exchange, account, parsed)
            return Answer(200, write(TrackEventsResponse(receipts=receipts)).encode())

        return handle

    async def _track(self, exchange: Exchange, account: Account, parsed: Sequence[ParsedEvent]) -> list[Receipt]:
        """Return a receipt per event. Raises UNAVAILABLE where there was none for any that could be read."""
        submissions = [None if one.faults else self._submission(exchange, account, one) for one in parsed]
        sound = [submission for submission in submissions if submission is not None]
        await self._add_fresh_sessions(account, sound)
        # All or none: between this and the last of them nothing else is submitted.
        if not self._batcher.has_room(len(sound), account.business_id):
            raise overloaded()
        submitted = [self._batcher.submit(one, account.business_id) for one in sound]
        outcomes = await asyncio.gather(*submitted, return_exceptions=True)
        if outcomes and all(is_unavailable(outcome) for outcome in outcomes):
            raise unavailable(Reason.UPSTREAM_DOWN, "The events cannot be kept at the moment; try again.")
        told = iter(outcomes)
        answers = [rejected(one.faults, one.key) if one.faults else next(told) for one in parsed]
        return [
            receipt_of_error(answer, one.key, exchange.request_id) if isinstance(answer, BaseException) else answer
            for one, answer in zip(parsed, answers, strict=True)
        ]

    def _take(self, account: Account, network: str, parsed: Sequence[ParsedEvent], size: int) -> None:
        """Take a batch of so many bytes from the budgets. Raises the refusal where it is beyond one of them."""
        for kind, count in Counter(map(_kind_of, parsed)).items():
            self._limits.take(kind, account, network, _units(count, size * count // len(parsed)))

    def _submission(self, exchange: Exchange, account: Account, parsed: ParsedEvent) -> Submission:
        return _submission(account, parsed, exchange.address, exchange.headers.get("user-agent", ""))

    async def _add_fresh_sessions(self, account: Account, submissions: Sequence[Submission]) -> None:
        """Add to those that claim a session for somebody what the shortener knows of it."""
        claims = [submission for submission in submissions if _is_claim(submission.event)]
        if not claims:
            return
        ids = sorted({submission.event.session for submission in claims})
        found = await self._fresh_sessions.among(account.business_id, ids)
        for submission in claims:
            if session := found.get(submission.event.session):
                submission.fresh_session.CopyFrom(session)


# What events are taken from the budgets of.
_KINDS = (BudgetKind.EVENTS, BudgetKind.ORDERS)
_UNIT_BYTES = 4 * 1024


def _kind_of(parsed: ParsedEvent) -> BudgetKind:
    return BudgetKind.ORDERS if parsed.event.action.startswith("order.") else BudgetKind.EVENTS


def _units(events: int, size: int) -> int:
    """Return as how many so many events of so many bytes together are counted."""
    return max(events, -(-size // _UNIT_BYTES))


def _submission(account: Account, parsed: ParsedEvent, address: str, user_agent: str) -> Submission:
    received_at = now_timestamp()
    return Submission(
        business_id=account.business_id,
        credential=CREDENTIAL_PRIVATE if account.is_private else CREDENTIAL_PUBLIC,
        key=parsed.key,
        id=uuid7_bytes(stamp_milliseconds(received_at), os.urandom(10)),
        received_at=received_at,
        event=parsed.event,
        address=address,
        user_agent=user_agent[:HEADER_LENGTH_LIMIT],
    )


def _is_claim(event: Event) -> bool:
    # What `user_parameters` says is kept, but claims nothing: a page could say anybody's.
    return bool(event.session) and event.HasField("profile")


def _plain(headers: Mapping[str, str], body: bytes, limit: bodies.Limit) -> bytes:
    """Return a body without its content encoding. Raises the refusal of one that cannot hold events."""
    bodies.check_type(headers, bodies.EVENT_TYPES)
    return bodies.plain(body, headers, limit)


def _read_one(headers: Mapping[str, str], raw_headers: RawHeaders, body: bytes) -> ParsedEvent:
    """Return the event that a request brings. Raises the refusal of a body that is none."""
    text = _plain(headers, body, bodies.EVENT)
    keys = values_in(raw_headers, "idempotency-key") if "idempotency-key" in headers else ()
    parsed = parse_event(bodies.members_of(text, bodies.EVENT), keys)
    parsed.size = len(text)
    return parsed


def _read_batch(headers: Mapping[str, str], sent: bytes) -> tuple[list[ParsedEvent], int]:
    """Return the events that a request brings, and their bytes. Raises the refusal of a body that holds none."""
    body = _plain(headers, sent, bodies.BATCH)
    events = _events_of(bodies.members_of(body, bodies.BATCH))
    # Where the whole batch is no larger than one event may be, none of them is.
    is_any_large = len(body) > bodies.EVENT.bytes
    return [_parse_one(index, sent, may_be_large=is_any_large) for index, sent in enumerate(events)], len(body)


def _events_of(members: dict[str, Value]) -> list[Value]:
    events = members.get("events")
    if events is None:
        raise invalid_field("events", "is required.", FaultType.PARAMETER_MISSING)
    if not isinstance(events, list):
        raise invalid_field("events", "must be a list.")
    if not events:
        raise invalid_field("events", "must not be empty.", FaultType.PARAMETER_INVALID_EMPTY)
    if len(events) > BATCH_LIMIT:
        raise invalid_field("events", f"has {len(events)} of at most {BATCH_LIMIT}.")
    return events


def _parse_one(index: int, sent: Value, *, may_be_large: bool) -> ParsedEvent:
    if not isinstance(sent, dict):
        return ParsedEvent(faults=[field_fault(f"events.{index}", "must be an object.")])
    parsed = parse_event(sent)
    if may_be_large and len(dumps(sent)) > bodies.EVENT.bytes:
        limit = f"An event may be at most {bodies.EVENT.bytes // 1024} KB."
        parsed.faults.append(Fault(FaultType.TOO_LARGE, f"events.{index}", limit))
    return parsed
