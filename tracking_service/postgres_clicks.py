"""Keeps clicks, with all that follows from them: sessions, activities, counters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.attribution import CLOCK_TOLERANCE
from tracking_service.catalogue import CLICKED
from tracking_service.click_origins import Origin, Origins
from tracking_service.click_tally import ClickTally, NewClick, Seen
from tracking_service.deliveries import Click
from tracking_service.domain import scopes_of, visitor_of
from tracking_service.postgres import columns
from tracking_service.postgres_counters import VisitorClick, add_counts, keep_first_clicks
from tracking_service.postgres_identity import hand_over_sessions, mark_dirty
from tracking_service.postgres_link_copies import ProfileKeys
from tracking_service.postgres_texts import packed_columns
from tracking_service.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres import Connection, Row

QUERIES = load("deliveries")

SessionKey = tuple[str, str]
"""Business and session."""


class Minted(NamedTuple):
    """A session that a new click has: whose it is, and whether it was known before."""

    owner: int | None
    was_known: bool


Owners = dict[SessionKey, Minted]
"""Whose the sessions of new clicks are."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known around a delivery's clicks: the surrogates of recipients, and what reads where clicks came from."""

    keys: ProfileKeys
    origins: Origins


async def keep_clicks(connection: "Connection", clicks: Iterable[Click], known: Knowledge) -> int:
    """Keep the clicks that are not there yet, count them, and return how many those are."""
    delivered = {click.key: click for click in clicks}
    if not delivered:
        return 0
    # In the order of their keys, so that two deliveries of the same clicks never wait for each other in a circle.
    origins = {key: known.origins.of(delivered[key]) for key in sorted(delivered)}
    rows = [_row(delivered[key], origin, known.keys) for key, origin in origins.items()]
    inserted = await connection.fetch(QUERIES.insert_clicks, *packed_columns(rows))
    new = [tuple(row) for row in inserted]
    if new:
        await _follow(connection, [_new_click(delivered[key], origins[key], known.keys) for key in new], known.keys)
    return len(new)


async def _follow(connection: "Connection", arrived: Sequence[NewClick], keys: ProfileKeys) -> None:
    new = [each.click for each in arrived]
    people = [click for click in new if click.is_human]
    owners = await _mint_sessions(connection, [click for click in people if click.session is not None], keys)
    await _clear_those_of_erased(connection, people, keys, owners)
    await _keep_activities(connection, arrived, keys, owners)
    # A click concerns what came after it, and in its session what the clocks may have put before it. An event of a
    # session that this click has made waits for us and then marks itself.
    await mark_dirty(
        connection,
        [
            (click.business_id, session, owner, click.clicked_at - CLOCK_TOLERANCE)
            for click in people
            for session, owner in [(_used_session(click, owners), _owner(click, keys, owners))]
            if session is not None or owner is not None
        ],
    )
    tally = ClickTally()
    tally.add_clicks(arrived)
    visits = [
        visit for each in arrived if each.click.is_human for visit in _visits(each, _owner(each.click, keys, owners))
    ]
    await keep_first_clicks(connection, visits, tally)
    await add_counts(connection, tally)


def _new_click(click: Click, origin: Origin, keys: ProfileKeys) -> NewClick:
    return NewClick(click, origin, _recipient(click, keys) is not None)


async def _mint_sessions(connection: "Connection", clicks: Sequence[Click], keys: ProfileKeys) -> Owners:
    minting: dict[SessionKey, Click] = {}
    for click in clicks:
        minting.setdefault((click.business_id, click.session or ""), click)
    if not minting:
        return {}
    rows = [
        (*key, _recipient(click, keys), click.id, click.clicked_at, click.link_created_at, *_place(click))
        for key, click in minting.items()
    ]
    minted = await connection.fetch(QUERIES.mint_sessions, *packed_columns(rows))
    await _tell_what_came_before(connection, [row for row in minted if row["was_known"]], minting)
    return {(row["business_id"], row["id"]): Minted(row["profile_key"], row["was_known"]) for row in minted}


async def _clear_those_of_erased(
    connection: "Connection", clicks: Sequence[Click], keys: ProfileKeys, owners: Owners
) -> None:
    """Leave nothing of clicks in sessions that were claimed before they came, by people who were erased since."""
    claimed = [
        (*click.key, owner)
        for click in clicks
        if _recipient(click, keys) is None and (owner := _owner(click, keys, owners))
    ]
    if claimed:
        await connection.execute(QUERIES.clear_clicks_of_erased, *columns(claimed))


async def _tell_what_came_before(
    connection: "Connection", known: Sequence["Row"], minting: dict[SessionKey, Click]
) -> None:
    """Give the events that came before their session's click its link, and its recipient."""
    if not known:
        return
    sessions = [(row["business_id"], row["id"]) for row in known]
    await connection.execute(
        QUERIES.tell_activities_their_link, *columns([(*key, *_place(minting[key])) for key in sessions])
    )
    await hand_over_sessions(
        connection,
        [
            ((row["business_id"], row["id"]), row["owner_before"], row["profile_key"])
            for row in known
            if row["profile_key"] != row["owner_before"]
        ],
    )


async def _keep_activities(
    connection: "Connection", new: Sequence[NewClick], keys: ProfileKeys, owners: Owners
) -> None:
    rows = [
        (click.business_id, click.id, click.clicked_at, _owner(click, keys, owners), click.session, *_place(click),
         click.verdict, origin.device, origin.browser, origin.os, origin.country)
        for click, origin, _ in new
    ]  # fmt: skip
    # A crawler's hit on a shared link is nobody's doing.
    somebodys = [row for row in rows if row[3] is not None or row[4] is not None]
    if somebodys:
        await connection.execute(QUERIES.insert_click_activities, *packed_columns(somebodys), CLICKED)


def _visits(new: NewClick, owner: int | None) -> Iterable[VisitorClick]:
    click = new.click
    visitor = visitor_of(owner, click.session)
    origin = new.origin.packed(click.verdict)
    seen = Seen(click.clicked_at, click.id, click.link_created_at, origin, new.is_recipients)
    for scope, scope_id in scopes_of(
        campaign=click.campaign, journey=click.journey, message=click.message, link=click.link
    ):
        yield (click.business_id, scope, scope_id, visitor), seen


def _used_session(click: Click, owners: Owners) -> str | None:
    """Return the session of a click, where there may be events in it: not where the click has just made it."""
    minted = owners.get((click.business_id, click.session or ""))
    return None if minted is not None and not minted.was_known else click.session


def _owner(click: Click, keys: ProfileKeys, owners: Owners) -> int | None:
    """Return who clicked: the link's recipient, else whose the session is."""
    recipient = _recipient(click, keys)
    if recipient is not None:
        return recipient
    minted = owners.get((click.business_id, click.session or ""))
    return None if minted is None else minted.owner


def _recipient(click: Click, keys: ProfileKeys) -> int | None:
    return None if click.profile is None else keys[click.business_id, click.profile]


def _place(click: Click) -> tuple[str, str | None, str | None, str | None]:
    return click.link, click.campaign, click.journey, click.message


def _row(click: Click, origin: Origin, keys: ProfileKeys) -> tuple[object, ...]:
    recipient = _recipient(click, keys)
    seen = (click.query, click.address, click.user_agent, click.referrer, click.accept_language)
    # Of someone who was erased nothing is kept that could tell who it was.
    told = seen if click.profile is None or recipient is not None else ("",) * len(seen)
    return (
        click.business_id, click.clicked_at, click.id, click.link, click.template, click.campaign, click.journey,
        click.message, recipient, click.session, click.link_created_at, click.verdict, click.verdict_reason,
        click.rules_version, click.host, *told, click.source, origin.device, origin.browser, origin.os, origin.country,
        origin.language, origin.referrer,
    )  # fmt: skip
