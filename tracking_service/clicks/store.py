"""Keeps what is delivered in PostgreSQL: each click once, its session, and what it changes in the counters."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from common.clock import now
from tracking_service.actions.catalogue import CLICKED
from tracking_service.attribution.queue_store import Visitor, mark_dirty, mark_persons
from tracking_service.attribution.rules import CLOCK_TOLERANCE
from tracking_service.clicks.arrivals import Arrival, Plan, arrivals, plan
from tracking_service.clicks.delivery import Click, Delivery, DeliveryResult, Item, delivery_of, rejected
from tracking_service.clicks.origins import Origins
from tracking_service.clicks.queries import QUERIES
from tracking_service.counters.first_clicks import CountedClick
from tracking_service.counters.scopes import SessionKey
from tracking_service.counters.store import (
    add_counts,
    bump_versions,
    find_first_clicks,
    lock_counting,
    reassign_first_clicks,
)
from tracking_service.counters.tally import ClickTally
from tracking_service.links.copy_store import ProfileKeys, keep_links
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.postgres.bisection import ContentRefused, store_each
from tracking_service.postgres.partitions import CLICKS, Partitions
from tracking_service.postgres.pool import Postgres, content_errors
from tracking_service.profiles.store import ProfileName, recipient_keys
from tracking_service.rejections.store import PostgresRejected
from tracking_service.sessions.identity_store import HandedOver, hand_over_sessions

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row


class PostgresDeliveries:
    """Everything that the outbox delivers, each thing once; attribution is woken where there are new clicks."""

    def __init__(
        self, postgres: Postgres, partitions: Partitions, origins: Origins, wake_attribution: Callable[[], None]
    ) -> None:
        self._postgres = postgres
        self._partitions = partitions
        self._origins = origins
        self._wake_attribution = wake_attribution
        self._rejected = PostgresRejected(postgres)

    async def record(self, delivery: Delivery) -> DeliveryResult:
        """Keep what is new, count it, and set aside what can never be kept; return how much, once it is committed."""
        await self._partitions.cover(CLICKS, (click.clicked_at for click in delivery.clicks))
        try:
            pieces = [await self._keep(delivery)]
        except ContentRefused:
            pieces = await store_each(delivery.items, self._keep_items, self._set_aside)
        if delivery.unreadable:
            await self._rejected.keep(delivery.unreadable)
            pieces.append(DeliveryResult(0, 0, len(delivery.unreadable)))
        result = _sum_of(pieces)
        if result.clicks:
            self._wake_attribution()
        return result

    async def _keep(self, delivery: Delivery) -> DeliveryResult:
        with content_errors():
            return await self._postgres.in_transaction(lambda connection: _record(connection, delivery, self._origins))

    async def _keep_items(self, items: Sequence[Item]) -> DeliveryResult:
        return await self._keep(delivery_of(items))

    async def _set_aside(self, item: Item, reason: str) -> DeliveryResult:
        await self._rejected.keep([rejected(item, reason)])
        return DeliveryResult(0, 0, 1)


def _sum_of(pieces: Sequence[DeliveryResult]) -> DeliveryResult:
    return DeliveryResult(
        clicks=sum(piece.clicks for piece in pieces),
        links=sum(piece.links for piece in pieces),
        rejected=sum(piece.rejected for piece in pieces),
    )


async def _record(connection: "Connection", delivery: Delivery, origins: Origins) -> DeliveryResult:
    wanted = {
        ProfileName(item.business_id, item.profile)
        for items in (delivery.clicks, delivery.links)
        for item in items
        if item.profile is not None
    }
    keys = await recipient_keys(connection, wanted, now())
    new_links = await keep_links(connection, delivery.links, keys)
    if delivery.clicks:  # Before any session: who has the lock may wait for one.
        await lock_counting(connection, {click.business_id for click in delivery.clicks})
    if delivery.sessions:
        issued = columns(delivery.sessions, "business_id", "id", "created_at")
        await connection.execute(QUERIES.keep_issued_sessions, *issued)
    new_clicks = await keep_clicks(connection, delivery.clicks, keys, origins)
    if new_links:  # They change how many recipients there are.
        await bump_versions(connection, {link.business_id for link in delivery.links})
    return DeliveryResult(new_clicks, new_links)


class New(NamedTuple):
    """A click that was not there yet; firsts as planned, has_minted where its session was not known before."""

    arrival: Arrival
    firsts: int | None
    has_minted: bool

    @property
    def has_met(self) -> bool:
        """Whether it is a visit, and its session was known before."""
        return self.firsts is not None and not self.has_minted

    def met(self, sessions: Mapping[SessionKey, CountedClick]) -> CountedClick | None:
        """Return its session, if that was known and has become its own."""
        if not self.has_met:
            return None
        visit = sessions.get(self.arrival.counted.session_key)
        return visit if visit is not None and visit.click_id == self.arrival.click.id else None


async def keep_clicks(connection: "Connection", clicks: Iterable[Click], keys: ProfileKeys, origins: Origins) -> int:
    """Keep the clicks that are not there yet, count them, and return how many those are.

    Inside `lock_counting` of their businesses.
    """
    arrived = arrivals(clicks, keys, origins)
    if not arrived:
        return 0
    counted = [arrival.counted for arrival in arrived]
    of_people = [click for click in counted if click.is_visit and click.is_recipients]
    planned = plan(arrived, await find_first_clicks(connection, of_people))
    new = await _insert(connection, arrived, planned)
    if new:
        met = await meet_sessions(connection, (each.arrival.counted for each in new if each.has_met))
        await _keep_activities(connection, new, met)
        await _mark(connection, new, met)
        await _count(connection, new, met, planned)
    return len(new)


async def _insert(connection: "Connection", arrived: Sequence[Arrival], planned: Plan) -> list[New]:
    visits = len(arrived) - planned.firsts.count(None)
    (kept,) = await connection.fetch(
        QUERIES.keep_clicks,
        *packed_columns(
            arrived, "click.business_id", "click.clicked_at", "click.id", "click.link", "click.template",
            "click.campaign", "click.journey", "click.message", "counted.profile_key", "click.session",
            "click.link_created_at", "click.verdict", "click.verdict_reason", "click.rules_version", "click.host",
            "click.query", "click.address", "click.user_agent", "click.referrer", "click.accept_language",
            "click.source", "origin.device", "origin.browser", "origin.os", "origin.country", "origin.language",
            "origin.referrer", "counted.origin",
        ),
        planned.firsts,
        len(arrived),
        visits,
    )  # fmt: skip
    # Only where something was known is it told what was not.
    are_all_new, have_all_minted = kept["clicks"] == len(arrived), kept["sessions"] == visits
    ids = set(zip(kept["businesses"] or (), kept["times"] or (), kept["ids"] or (), strict=True))
    minted = set(zip(kept["minted_businesses"] or (), kept["minted_ids"] or (), strict=True))
    new = []
    for arrival, firsts in zip(arrived, planned.firsts, strict=True):
        click = arrival.click
        if are_all_new or click.key in ids:
            is_minted = have_all_minted or (click.business_id, click.id) in minted
            new.append(New(arrival, firsts, firsts is not None and is_minted))
    return new


class ClickActivity(NamedTuple):
    """A hit as what a person did, where no session tells of it; profile_key is whose doing it is."""

    business_id: str
    id: UUID
    clicked_at: datetime
    profile_key: int | None
    session: str | None
    link: str
    campaign: str | None
    journey: str | None
    message: str | None
    verdict: str
    device: str
    browser: str
    os: str
    country: str
    source: str


async def keep_click_activities(connection: "Connection", activities: Sequence[ClickActivity]) -> None:
    """Keep hits as activities of their own; those that are there stay as they are."""
    if activities:
        sent = packed_columns(activities, *ClickActivity._fields)
        await connection.execute(QUERIES.insert_click_activities, *sent, CLICKED)


async def _keep_activities(
    connection: "Connection", new: Sequence[New], met: Mapping[SessionKey, CountedClick]
) -> None:
    """Keep as activities what is not told by the session that a click has minted."""
    told = [each.arrival for each in new if not each.has_minted and each.met(met) is None]
    # A crawler's hit on a shared link is no person's doing.
    done = [arrival for arrival in told if arrival.counted.is_recipients or arrival.click.session is not None]
    await keep_click_activities(connection, [_activity(arrival) for arrival in done])


def _activity(arrival: Arrival) -> ClickActivity:
    click, origin = arrival.click, arrival.origin
    return ClickActivity(
        click.business_id, click.id, click.clicked_at, arrival.counted.profile_key, click.session, click.link,
        click.campaign, click.journey, click.message, click.verdict, origin.device, origin.browser, origin.os,
        origin.country, click.source,
    )  # fmt: skip


async def _mark(connection: "Connection", new: Sequence[New], met: Mapping[SessionKey, CountedClick]) -> None:
    """Have what clicks concern decided again.

    That is what came after them, and in their sessions what the clocks may have put before them. An event of a session
    that a click has made waits for us and then marks itself.
    """
    persons: dict[str, list[tuple[int, datetime]]] = defaultdict(list)
    visitors = []
    for each in new:
        click = each.arrival.counted
        since = click.clicked_at - CLOCK_TOLERANCE
        if each.has_met:
            owner = each.met(met) or click
            visitors.append(Visitor(click.business_id, click.session, owner.profile_key, since))
        elif click.profile_key is not None and click.is_human:
            persons[click.business_id].append((click.profile_key, since))
    for business_id, some in persons.items():
        people = [profile_key for profile_key, _ in some]
        await mark_persons(connection, business_id, people, min(since for _, since in some))
    await mark_dirty(connection, visitors)


async def _count(
    connection: "Connection", new: Sequence[New], met: Mapping[SessionKey, CountedClick], planned: Plan
) -> None:
    tally = ClickTally()
    counted = []
    # Whose first clicks are not all that they do now: counted as they are, and kept as they were planned.
    visits = []
    for each in new:
        is_several = bool(planned.several) and each.arrival.person in planned.several
        counted.append((each.arrival.counted, each.has_minted and each.firsts != 0 and not is_several))
        if each.has_minted and is_several:
            visits.append(each.arrival.counted._replace(firsts=each.firsts or 0))
    tally.add_clicks(counted)
    others = [visit for each in new if (visit := each.met(met))]
    if visits or others:
        known = {visit.session_key: visit for visit in planned.known}
        persons = [visit for visit in others if visit.profile_key is not None]
        known |= {visit.session_key: visit for visit in await find_first_clicks(connection, persons)}
        await reassign_first_clicks(connection, dict.fromkeys([*visits, *others], 0), known.values(), tally)
    await add_counts(connection, tally)


async def meet_sessions(connection: "Connection", met: Iterable[CountedClick]) -> dict[SessionKey, CountedClick]:
    """Have clicks mint sessions that are known, and return those that did, with whose the session is.

    What did not has a session that another click has minted.
    """
    minting: dict[SessionKey, CountedClick] = {}
    for visit in met:
        minting.setdefault(visit.session_key, visit)
    if not minting:
        return {}
    rows = await connection.fetch(
        QUERIES.mint_sessions,
        *packed_columns(
            minting.values(), "business_id", "session", "profile_key", "clicked_at", "click_id", "link_created_at",
            "link", "campaign", "journey", "message", "origin",
        ),
    )  # fmt: skip
    await _tell_what_came_before(connection, rows, minting)
    minted = {}
    for row in rows:
        key = SessionKey(row["business_id"], row["session"])
        minted[key] = minting[key]._replace(profile_key=row["profile_key"])
    await _clear_those_of_erased(connection, minted.values())
    return minted


async def _tell_what_came_before(
    connection: "Connection", rows: Sequence["Row"], minting: Mapping[SessionKey, CountedClick]
) -> None:
    """Give the events that came before their session's click its link, and its recipient."""
    if not rows:
        return
    places = [minting[SessionKey(row["business_id"], row["session"])] for row in rows]
    await connection.execute(
        QUERIES.tell_activities_their_link,
        *columns(places, "business_id", "session", "link", "campaign", "journey", "message"),
    )
    handed_over = [HandedOver(**row) for row in rows if row["profile_key"] != row["owner_before"]]
    await hand_over_sessions(connection, handed_over)


async def _clear_those_of_erased(connection: "Connection", visits: Iterable[CountedClick]) -> None:
    """Leave nothing of clicks in sessions that were claimed before they came, by people who were erased since."""
    claimed = [visit for visit in visits if visit.profile_key is not None and not visit.is_recipients]
    if claimed:
        await connection.execute(
            QUERIES.clear_clicks_of_erased,
            *columns(claimed, "business_id", "clicked_at", "click_id", "profile_key"),
        )
