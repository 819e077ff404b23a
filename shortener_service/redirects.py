"""Turns a flight of hits into redirects: reads their links, judges who is there, and keeps clicks and sessions.

The way of a click: `locate` finds its key, `LiveLinks` its link, `judge` who is behind it; then it joins the flight of
its shard, and only when that flight is in the outbox is it answered. Hits and outcomes stay the contract's messages
here: copying them into values of our own would cost as much as resolving them.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import relay_service_pb2
from common import clock
from common.errors import ClicktrailError, Reason, invalid_field
from common.ids import NONCE_BYTES, session_from_nonce, uuid7_bytes
from shortener_service import destinations
from shortener_service.domain import Domain, LinkKey
from shortener_service.domains import Domains, locate
from shortener_service.live_links import LiveLink, LiveLinks
from shortener_service.shards import Shards
from shortener_service.store import FlightStore, outbox_full
from shortener_service.verdicts import HUMAN, PREFETCH, RULES_VERSION, Judgement, judge

MOST_HITS = 1_000

NOT_FOUND = pb.Outcome(kind=pb.OUTCOME_KIND_NOT_FOUND)
GONE = pb.Outcome(kind=pb.OUTCOME_KIND_GONE)
PREFETCHED = pb.Outcome(kind=pb.OUTCOME_KIND_PREFETCH)

Answer = pb.Outcome | ClicktrailError


class Flight:
    """What the hits of one shard leave behind: clicks for the outbox, and their sessions."""

    __slots__ = ("delivery", "positions", "sessions")

    def __init__(self) -> None:
        self.delivery = relay_service_pb2.DeliverRequest()
        self.sessions: dict[str, bytes] = {}
        self.positions: list[int] = []

    def add(self, position: int, hit: pb.Hit, link: LiveLink, judgement: Judgement, session: str) -> None:
        """Add a hit's click, and its session if it has one."""
        self.positions.append(position)
        self.delivery.clicks.add(
            id=uuid7_bytes(clock.stamp_milliseconds(hit.received_at), hit.nonce[40:]),
            clicked_at=hit.received_at,
            session=session,
            verdict=judgement.verdict,
            verdict_reason=judgement.reason,
            rules_version=RULES_VERSION,
            host=hit.host,
            query=hit.query,
            address=hit.address,
            user_agent=hit.user_agent,
            referrer=hit.referrer,
            accept_language=hit.accept_language,
            source=source_of(hit.query),
        ).MergeFromString(link.click_head)
        if session:
            own = session_pb2.Session(created_at=hit.received_at)
            self.sessions[session] = link.session_head + own.SerializeToString()


class Redirects:
    """Resolves hits."""

    def __init__(self, links: LiveLinks, domains: Domains, store: FlightStore, shards: Shards) -> None:
        self._links = links
        self._domains = domains
        self._store = store
        self._shards = shards

    async def resolve(self, hits: Sequence[pb.Hit]) -> list[Answer]:
        """Return what becomes of each hit, in order: an outcome, or why it cannot be told now.

        Raises UNAVAILABLE (`STORE_DOWN`) where that is so for all of them.
        """
        _check(hits)
        domains = await self._domains.current()
        places = [locate(hit.host, hit.code, domains) for hit in hits]
        links = await self._links.read([key for key, _ in places if key is not None])
        flights: dict[int, Flight] = {}
        answers: list[Answer] = []
        for position, (hit, (key, domain)) in enumerate(zip(hits, places, strict=True)):
            link = _own(links, key, domain)
            if isinstance(link, LiveLink) and not link.is_gone(hit.received_at):
                flight = flights.setdefault(self._shards.of_nonce(hit.nonce), Flight())
                answers.append(_board(flight, position, hit, link))
            else:
                answers.append(_without_click(link, domain))
        for shard, flight in flights.items():
            if not await self._store.append(shard, flight.sessions, flight.delivery.SerializeToString()):
                for position in flight.positions:
                    answers[position] = outbox_full()
        return _unless_all_failed(answers)


def _unless_all_failed(answers: list[Answer]) -> list[Answer]:
    """Return the answers; where the store was down for each of them, fail as a whole: that can be tried again."""
    first = answers[0]
    if isinstance(first, ClicktrailError) and all(
        isinstance(answer, ClicktrailError) and answer.reason is Reason.STORE_DOWN for answer in answers
    ):
        raise first
    return answers


def source_of(query: str) -> str:
    """Return how a link was opened: "qr" where the query is `qr` or says `source=qr` or `src=qr`, else "link"."""
    # Most hits have no query at all.
    if "qr" not in query:
        return "link"
    values = parse_qs(query, max_num_fields=None)
    is_scan = query == "qr" or "qr" in values.get("source", ()) or "qr" in values.get("src", ())
    return "qr" if is_scan else "link"


def _board(flight: Flight, position: int, hit: pb.Hit, link: LiveLink) -> pb.Outcome:
    """Put the click of a hit on its flight and return the outcome that holds once that is kept."""
    judgement = judge(hit.user_agent, hit.purpose, is_head=hit.is_head)
    session = session_from_nonce(hit.nonce) if judgement.verdict == HUMAN else ""
    flight.add(position, hit, link, judgement, session)
    if judgement.verdict == PREFETCH:
        return PREFETCHED
    location = link.location.with_session(session) if session else link.location.bare
    return pb.Outcome(kind=pb.OUTCOME_KIND_REDIRECT, location=location, session=session)


def _own(
    links: Mapping[LinkKey, LiveLink | ClicktrailError], key: LinkKey | None, domain: Domain | None
) -> LiveLink | ClicktrailError | None:
    """Return a hit's link; not one that an earlier owner of the domain left."""
    link = links.get(key) if key is not None else None
    if domain is not None and isinstance(link, LiveLink) and link.business_id != domain.business_id:
        return None
    return link


def _without_click(link: LiveLink | ClicktrailError | None, domain: Domain | None) -> Answer:
    """Answer a hit on a link that is gone, not there, or of which nobody can tell."""
    if isinstance(link, ClicktrailError):
        return link
    fallback = link.fallback if link is not None else ""
    if not fallback and domain is not None and domain.fallback_url:
        fallback = str(destinations.parse(domain.fallback_url))
    if fallback:
        return pb.Outcome(kind=pb.OUTCOME_KIND_REDIRECT, location=fallback)
    return NOT_FOUND if link is None else GONE


def _check(hits: Sequence[pb.Hit]) -> None:
    if not 1 <= len(hits) <= MOST_HITS:
        raise invalid_field("hits", f"hits takes 1 to {MOST_HITS:,}.")
    for at, hit in enumerate(hits):
        if len(hit.nonce) != NONCE_BYTES:
            raise invalid_field(f"hits[{at}].nonce", f"hits[{at}].nonce takes {NONCE_BYTES} random bytes.")
        if not hit.HasField("received_at"):
            raise invalid_field(f"hits[{at}].received_at", f"hits[{at}].received_at is missing.")
        if not clock.is_in_calendar(hit.received_at):
            raise invalid_field(f"hits[{at}].received_at", f"hits[{at}].received_at must be of the years 1970 to 9998.")
