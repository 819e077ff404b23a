"""Keeps clicks in sessions that were known before: an event came first, or the relay brought the session alone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tracking_service.counters.first_clicks import Visit
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.postgres.queries import load
from tracking_service.sessions.identity_store import SessionKey, hand_over_sessions

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row

QUERIES = load(__package__, "queries/deliveries")


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
