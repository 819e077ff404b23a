"""Turns a batch of hits into redirects: reads their links, classifies who is there, and keeps clicks and sessions.

The way of a click: `locate` finds its key, `LiveLinks` its link, `classify` who is behind it; then it joins the clicks
of its shard, and only when these are in the outbox is it answered. Hits and outcomes stay the contract's messages
here: copying them into values of our own would cost as much as resolving them.
"""

import asyncio
from collections.abc import Mapping, Sequence

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from common import clock
from common.errors import ClicktrailError, Reason, invalid_field
from common.field_rules import rules
from common.ids import NONCE_BYTES, session_from_nonce
from shortener_service.domains.domain import Domain
from shortener_service.domains.domains import Domains
from shortener_service.errors import outbox_full
from shortener_service.links.link import LinkKey
from shortener_service.links.links import allowed_location, locate
from shortener_service.redirects.clicks import ShardClicks, visit_of
from shortener_service.redirects.link_cache import LiveLink, LiveLinks
from shortener_service.redirects.store import ClickStore
from shortener_service.redirects.verdicts import HUMAN, PREFETCH
from shortener_service.redis.keyspace import Shards
from shortener_service.refused_hosts.refused_host import HostSet
from shortener_service.refused_hosts.refused_hosts import RefusedHosts

MOST_HITS = rules(pb.ResolveHitsRequest, "hits").max_items

NOT_FOUND = pb.Outcome(kind=pb.OUTCOME_KIND_NOT_FOUND)
GONE = pb.Outcome(kind=pb.OUTCOME_KIND_GONE)
BLOCKED = pb.Outcome(kind=pb.OUTCOME_KIND_GONE, is_blocked=True)
PREFETCHED = pb.Outcome(kind=pb.OUTCOME_KIND_PREFETCH)

Answer = pb.Outcome | ClicktrailError


class Redirects:
    """Resolves hits."""

    def __init__(
        self, links: LiveLinks, domains: Domains, refused_hosts: RefusedHosts, store: ClickStore, shards: Shards
    ) -> None:
        self._links = links
        self._domains = domains
        self._refused_hosts = refused_hosts
        self._store = store
        self._shards = shards

    async def resolve(self, hits: Sequence[pb.Hit]) -> list[Answer]:
        """Return what becomes of each hit, in order: an outcome, or why it cannot be told now.

        Raises UNAVAILABLE (`STORE_DOWN`) where that is so for all of them.
        """
        _check(hits)
        domains = await self._domains.current()
        refused = await self._refused_hosts.current()
        places = [locate(hit.host, hit.code, domains) for hit in hits]
        links = await self._links.read(key for key, _ in places)
        by_shard: dict[int, ShardClicks] = {}
        answers: list[Answer] = []
        for position, (hit, (key, domain)) in enumerate(zip(hits, places, strict=True)):
            link = _own(links, key, domain)
            if isinstance(link, LiveLink) and (
                (is_blocked := link.is_blocked(refused)) or not link.is_gone(hit.received_at)
            ):
                shard = self._shards.of_nonce(hit.nonce)
                if (clicks := by_shard.get(shard)) is None:
                    clicks = by_shard[shard] = ShardClicks()
                outcome = _add(clicks, position, hit, link)
                answers.append(BLOCKED if is_blocked else outcome)
            else:
                answers.append(_without_click(link, domain, refused))
        for shard, clicks in by_shard.items():
            if not await self._store.append(shard, clicks.sessions, clicks.delivery):
                for position in await self._append_apart(shard, clicks):
                    answers[position] = outbox_full()
        return _unless_all_failed(answers)

    async def _append_apart(self, shard: int, clicks: ShardClicks) -> list[int]:
        """Keep the clicks of each business apart from all others'; return the positions of those without room."""
        by_business: dict[str, ShardClicks] = {}
        for position, hit, link in clicks.hits:
            _add(by_business.setdefault(link.known.template.business_id, ShardClicks()), position, hit, link)
        have_room = await asyncio.gather(
            *(
                self._store.append(shard, own.sessions, own.delivery, business_id)
                for business_id, own in by_business.items()
            )
        )
        return [
            position
            for own, has_room in zip(by_business.values(), have_room, strict=True)
            for position, _, _ in own.hits
            if not has_room
        ]


def _unless_all_failed(answers: list[Answer]) -> list[Answer]:
    """Return the answers; where the store was down for each of them, fail as a whole: that can be tried again."""
    first = answers[0]
    if isinstance(first, ClicktrailError) and all(
        isinstance(answer, ClicktrailError) and answer.reason is Reason.STORE_DOWN for answer in answers
    ):
        raise first
    return answers


def _add(clicks: ShardClicks, position: int, hit: pb.Hit, link: LiveLink) -> pb.Outcome:
    """Add the click of a hit to its shard's and return the outcome that holds once they are kept."""
    visit = visit_of(hit)
    session = session_from_nonce(hit.nonce) if visit.verdict == HUMAN else ""
    clicks.add(position, hit, link, visit, session)
    if visit.verdict == PREFETCH:
        return PREFETCHED
    location = link.known.location.with_session(session) if session else link.known.location.bare
    return pb.Outcome(kind=pb.OUTCOME_KIND_REDIRECT, location=location, session=session)


def _own(
    links: Mapping[LinkKey, LiveLink | ClicktrailError], key: LinkKey, domain: Domain | None
) -> LiveLink | ClicktrailError | None:
    """Return a hit's link; not one that an earlier owner of the domain left."""
    link = links.get(key)
    if domain is not None and isinstance(link, LiveLink) and link.known.template.business_id != domain.business_id:
        return None
    return link


def _without_click(link: LiveLink | ClicktrailError | None, domain: Domain | None, refused: HostSet) -> Answer:
    """Answer a hit on a link that is gone, not there, or of which the store cannot tell."""
    if isinstance(link, ClicktrailError):
        return link
    fallback = allowed_location(link.known.template.fallback_url, refused) if link is not None else ""
    if not fallback and domain is not None:
        fallback = allowed_location(domain.fallback_url, refused)
    if fallback:
        return pb.Outcome(kind=pb.OUTCOME_KIND_REDIRECT, location=fallback)
    return NOT_FOUND if link is None else GONE


def _check(hits: Sequence[pb.Hit]) -> None:
    if not 1 <= len(hits) <= MOST_HITS:
        raise invalid_field("hits", f"takes 1 to {MOST_HITS:,}.")
    for at, hit in enumerate(hits):
        # A time that is missing reads as the very beginning of 1970.
        if len(hit.nonce) != NONCE_BYTES or not 0 < hit.received_at.seconds < clock.YEAR_9999_SECONDS:
            _check_hit(at, hit)


def _check_hit(at: int, hit: pb.Hit) -> None:
    if len(hit.nonce) != NONCE_BYTES:
        raise invalid_field(f"hits[{at}].nonce", f"takes {NONCE_BYTES} random bytes.")
    if not hit.HasField("received_at"):
        raise invalid_field(f"hits[{at}].received_at", "is missing.")
    if not clock.is_in_calendar(hit.received_at):
        raise invalid_field(f"hits[{at}].received_at", "must be of the years 1970 to 9998.")
