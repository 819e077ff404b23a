"""Keeps what is delivered in PostgreSQL: each click once, its session, and what it changes in the counters."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from common.clock import now
from tracking_service.actions.catalogue import CLICKED
from tracking_service.attribution.queue_store import mark_dirty, mark_persons
from tracking_service.attribution.rules import CLOCK_TOLERANCE
from tracking_service.clicks.arrivals import Arrival, Plan, arrivals, plan
from tracking_service.clicks.delivery import Click, Delivery, Item, Novelty, delivery_of, rejected
from tracking_service.clicks.origins import Origins
from tracking_service.counters.first_clicks import Visit
from tracking_service.counters.store import (
    Clicking,
    add_counts,
    bump_versions,
    clicking,
    find_first_clicks,
    lock_counting,
    settle_visits,
)
from tracking_service.counters.tally import ClickTally
from tracking_service.links.copy_store import ProfileKeys, keep_links
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.postgres.bisection import ContentRefused, store_each
from tracking_service.postgres.partitions import CLICKS, Partitions
from tracking_service.postgres.pool import Postgres, content_errors
from tracking_service.postgres.queries import load
from tracking_service.profiles.store import recipient_keys
from tracking_service.rejections.store import PostgresRejected
from tracking_service.sessions.identity_store import SessionKey, hand_over_sessions

if TYPE_CHECKING:
    from datetime import datetime

    from tracking_service.postgres.pool import Connection, Row

QUERIES = load(__package__)


class PostgresDeliveries:
    """Everything that the outbox delivers."""

    def __init__(self, postgres: Postgres, partitions: Partitions, origins: Origins) -> None:
        self._postgres = postgres
        self._partitions = partitions
        self._origins = origins
        self._rejected = PostgresRejected(postgres)

    async def take(self, delivery: Delivery) -> Novelty:
        """Keep what is new, and count it, and set aside what can never be kept."""
        await self._partitions.cover(CLICKS, (click.clicked_at for click in delivery.clicks))
        try:
            pieces = [await self._keep(delivery)]
        except ContentRefused:
            pieces = await store_each(delivery.items, self._keep_items, self._set_aside)
        if delivery.unreadable:
            await self._rejected.keep(delivery.unreadable)
            pieces.append(Novelty(0, 0, len(delivery.unreadable)))
        return Novelty(*map(sum, zip(*((piece.clicks, piece.links, piece.rejected) for piece in pieces), strict=True)))

    async def _keep(self, delivery: Delivery) -> Novelty:
        with content_errors():
            return await self._postgres.in_transaction(lambda connection: _take(connection, delivery, self._origins))

    async def _keep_items(self, items: Sequence[Item]) -> Novelty:
        return await self._keep(delivery_of(items))

    async def _set_aside(self, item: Item, reason: str) -> Novelty:
        await self._rejected.keep([rejected(item, reason)])
        return Novelty(0, 0, 1)


async def _take(connection: "Connection", delivery: Delivery, origins: Origins) -> Novelty:
    wanted = {
        (item.business_id, item.profile)
        for items in (delivery.clicks, delivery.links)
        for item in items
        if item.profile is not None
    }
    keys = await recipient_keys(connection, wanted, now())
    new_links = await keep_links(connection, delivery.links, keys)
    if delivery.clicks:  # Before any session: who has the lock may wait for one.
        await lock_counting(connection, {click.business_id for click in delivery.clicks})
    if delivery.sessions:
        issued = [(session.business_id, session.id, session.created_at) for session in delivery.sessions]
        await connection.execute(QUERIES.keep_issued_sessions, *columns(issued))
    new_clicks = await keep_clicks(connection, delivery.clicks, keys, origins)
    if new_links:  # They change how many recipients there are.
        await bump_versions(connection, {link.business_id for link in delivery.links})
    return Novelty(new_clicks, new_links)


class New(NamedTuple):
    """A click that was not there yet; firsts as planned, has_minted where nobody had known its session."""

    arrival: Arrival
    firsts: int | None
    has_minted: bool

    @property
    def has_met(self) -> bool:
        """Whether it is a visit, and somebody had known its session."""
        return self.firsts is not None and not self.has_minted

    def met(self, sessions: Mapping[SessionKey, Visit]) -> Visit | None:
        """Return its session, if that was known and has become its own."""
        visit = sessions.get((self.arrival.click.business_id, self.arrival.click.session or ""))
        return visit if self.has_met and visit is not None and visit.click_id == self.arrival.click.id else None


async def keep_clicks(connection: "Connection", clicks: Iterable[Click], keys: ProfileKeys, origins: Origins) -> int:
    """Keep the clicks that are not there yet, count them, and return how many those are.

    Inside `lock_counting` of their businesses.
    """
    arrived = arrivals(clicks, keys, origins)
    if not arrived:
        return 0
    planned = plan(arrived, await find_first_clicks(connection, _clicking(arrived)))
    new = await _insert(connection, arrived, planned)
    if new:
        met = await meet_sessions(connection, (each.arrival.visit() for each in new if each.has_met))
        await _keep_activities(connection, new, met)
        await _mark(connection, new, met)
        await _count(connection, new, met, planned)
    return len(new)


def _clicking(arrived: Iterable[Arrival]) -> list[Clicking]:
    return [
        (click.business_id, recipient, click.link, click.campaign, click.journey, click.message)
        for click, _, _, recipient, is_visit in arrived
        if is_visit and recipient is not None
    ]


async def _insert(connection: "Connection", arrived: Sequence[Arrival], planned: Plan) -> list[New]:
    rows = [
        (*click[:8], recipient, *click[9:-1], *origin[1:], packed, firsts)
        for (click, origin, packed, recipient, _), firsts in zip(arrived, planned.firsts, strict=True)
    ]
    visits = len(rows) - planned.firsts.count(None)
    (kept,) = await connection.fetch(QUERIES.keep_clicks, *packed_columns(rows), len(rows), visits)
    # Only where something was known is it told what was not.
    ids = set(zip(kept["businesses"] or (), kept["times"] or (), kept["ids"] or (), strict=True))
    minted = set(zip(kept["minted_businesses"] or (), kept["minted_ids"] or (), strict=True))
    return [
        New(
            arrival,
            firsts,
            firsts is not None and (kept["sessions"] == visits or (click.business_id, click.id) in minted),
        )
        for arrival, firsts in zip(arrived, planned.firsts, strict=True)
        for click in [arrival.click]
        if kept["clicks"] == len(rows) or click.key in ids
    ]


async def _keep_activities(connection: "Connection", new: Sequence[New], met: Mapping[SessionKey, Visit]) -> None:
    """Keep as activities what is not told by the session that a click has minted."""
    rows = [
        (click.business_id, click.id, click.clicked_at, recipient, click.session, click.link, click.campaign,
         click.journey, click.message, click.verdict, origin.device, origin.browser, origin.os, origin.country)
        for each in new
        if not each.has_minted
        for click, origin, _, recipient, _ in [each.arrival]
        # A crawler's hit on a shared link is nobody's doing.
        if (recipient is not None or click.session is not None) and each.met(met) is None
    ]  # fmt: skip
    if rows:
        await connection.execute(QUERIES.insert_click_activities, *packed_columns(rows), CLICKED)


async def _mark(connection: "Connection", new: Sequence[New], met: Mapping[SessionKey, Visit]) -> None:
    """Have what clicks concern decided again.

    That is what came after them, and in their sessions what the clocks may have put before them. An event of a session
    that a click has made waits for us and then marks itself.
    """
    persons: dict[str, list[tuple[int, datetime]]] = defaultdict(list)
    for each in new:
        click, _, _, recipient, _ = each.arrival
        if recipient is not None and click.is_human and not each.has_met:
            persons[click.business_id].append((recipient, click.clicked_at - CLOCK_TOLERANCE))
    for business_id, some in persons.items():
        people, since = zip(*some, strict=True)
        await mark_persons(connection, business_id, people, min(since))
    await mark_dirty(
        connection,
        [
            (
                click.business_id,
                click.session,
                visit.profile_key if visit else recipient,
                click.clicked_at - CLOCK_TOLERANCE,
            )
            for each in new
            if each.has_met
            for click, _, _, recipient, _ in [each.arrival]
            for visit in [each.met(met)]
        ],
    )


async def _count(connection: "Connection", new: Sequence[New], met: Mapping[SessionKey, Visit], planned: Plan) -> None:
    tally = ClickTally()
    tally.add_clicks(
        each.arrival.counted(
            is_first=each.has_minted and each.firsts != 0 and each.arrival.person not in planned.several
        )
        for each in new
    )
    # Whose first clicks are not all that they do now: counted as they are, and kept as they were planned.
    visits = [
        each.arrival.visit(each.firsts or 0)
        for each in new
        if each.has_minted and each.arrival.person in planned.several
    ]
    others = [visit for each in new if (visit := each.met(met))]
    if visits or others:
        known = {visit.key: visit for visit in planned.known}
        persons = [clicking(visit) for visit in others if visit.profile_key is not None]
        known |= {visit.key: visit for visit in await find_first_clicks(connection, persons)}
        await settle_visits(connection, dict.fromkeys([*visits, *others], 0), known.values(), tally)
    await add_counts(connection, tally)


async def meet_sessions(connection: "Connection", met: Iterable[Visit]) -> dict[SessionKey, Visit]:
    """Have clicks mint sessions that are known, and return those that did, with whose the session is.

    What did not has a session that another click has minted.
    """
    minting: dict[SessionKey, Visit] = {}
    for visit in met:
        minting.setdefault(visit.key, visit)
    if not minting:
        return {}
    # All but whether it is a recipient's, and where it is the first one.
    rows = await connection.fetch(QUERIES.mint_sessions, *packed_columns([visit[:-2] for visit in minting.values()]))
    await _tell_what_came_before(connection, rows, minting)
    minted = {
        key: minting[key]._replace(profile_key=row["profile_key"])
        for row in rows
        for key in [(row["business_id"], row["id"])]
    }
    await _clear_those_of_erased(connection, minted.values())
    return minted


async def _tell_what_came_before(
    connection: "Connection", rows: Sequence["Row"], minting: Mapping[SessionKey, Visit]
) -> None:
    """Give the events that came before their session's click its link, and its recipient."""
    if not rows:
        return
    keys = [(row["business_id"], row["id"]) for row in rows]
    places = [
        (*key, visit.link, visit.campaign, visit.journey, visit.message) for key in keys for visit in [minting[key]]
    ]
    await connection.execute(QUERIES.tell_activities_their_link, *columns(places))
    await hand_over_sessions(
        connection,
        [
            (key, row["owner_before"], row["profile_key"])
            for key, row in zip(keys, rows, strict=True)
            if row["profile_key"] != row["owner_before"]
        ],
    )


async def _clear_those_of_erased(connection: "Connection", visits: Iterable[Visit]) -> None:
    """Leave nothing of clicks in sessions that were claimed before they came, by people who were erased since."""
    claimed = [
        (visit.business_id, visit.clicked_at, visit.click_id, visit.profile_key)
        for visit in visits
        if visit.profile_key is not None and not visit.is_recipients
    ]
    if claimed:
        await connection.execute(QUERIES.clear_clicks_of_erased, *columns(claimed))
