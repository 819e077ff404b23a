"""Keep people and their sessions: profiles by their surrogate, sessions by the rule of `identity`."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tracking_service.attribution.queue_store import mark_dirty
from tracking_service.counters.store import give_first_clicks_to_persons, lock_counting
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.postgres.queries import load
from tracking_service.sessions.identity import SessionState, SessionUse, first_state, settle

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row

SessionKey = tuple[str, str]
"""Business and session."""

QUERIES = load(__package__)


async def claim_sessions(connection: "Connection", claims: Sequence[SessionUse]) -> list[SessionState | None]:
    """Use sessions, and claim them for profiles where a use does; return each use's session, in the order of uses.

    None stands for a use that is refused: the session is another profile's. All other uses get the session as it is
    after all of them. Unknown sessions are created. The sessions stay locked until the transaction ends, so that no
    claim passes an event by; what happened in a session goes along to a new owner.
    """
    if not claims:
        return []
    uses: dict[SessionKey, list[SessionUse]] = {}
    for claim in claims:
        uses.setdefault(claim.key, []).append(claim)
    await _lock_counting(connection, claims)
    before = await _create_and_lock(connection, uses)
    settled = {key: settle(before[key], uses[key]) for key in before}
    after = {key: state for key, (state, _) in settled.items()}
    allowed = {key: iter(verdicts) for key, (_, verdicts) in settled.items()}
    states = [after[claim.key] if next(allowed[claim.key]) else None for claim in claims]
    await _keep_changes(connection, before, after)
    await _keep_claims(connection, [claim for claim, state in zip(claims, states, strict=True) if state is not None])
    return states


async def hand_over_sessions(connection: "Connection", owners: Iterable[tuple[SessionKey, int | None, int]]) -> None:
    """Move what happened in sessions to their new owners: (session, the owner before, the owner now).

    Both owners are marked to have their events decided again.
    """
    owners = sorted(owners, key=lambda owner: owner[0])
    if not owners:
        return
    moved = [(*key, now) for key, _, now in owners]
    await connection.execute(QUERIES.move_activities, *columns(moved))
    left = [(key[0], None, before) for key, before, _ in owners if before is not None]
    await mark_dirty(connection, [*moved, *left])


async def _lock_counting(connection: "Connection", claims: Sequence[SessionUse]) -> None:
    """Lock what deliveries lock before sessions, where a click that was nobody's may become somebody's."""
    claimed = [claim.key for claim in claims if claim.profile_key is not None]
    if claimed:
        nobodys = await connection.fetch(QUERIES.find_clicked_by_nobody, *columns(claimed))
        if nobodys:
            await lock_counting(connection, [row["business_id"] for row in nobodys])


async def _create_and_lock(
    connection: "Connection", uses: dict[SessionKey, list[SessionUse]]
) -> dict[SessionKey, SessionState]:
    states = {key: first_state(of_session[0]) for key, of_session in uses.items()}
    new = [_row(key, state) for key, state in states.items()]
    known = [tuple(row) for row in await connection.fetch(QUERIES.create_sessions, *packed_columns(new))]
    if known:
        rows = await connection.fetch(QUERIES.lock_sessions, *packed_columns(known))
        states.update({(row["business_id"], row["id"]): state_of(row) for row in rows})
    return states


async def _keep_changes(
    connection: "Connection", before: dict[SessionKey, SessionState], after: dict[SessionKey, SessionState]
) -> None:
    changed = [key for key in before if before[key] != after[key]]
    if not changed:
        return
    await connection.execute(QUERIES.change_sessions, *columns([_row(key, after[key]) for key in changed]))
    owners = [(key, before[key].profile_key, after[key].profile_key) for key in changed]
    moved = [(key, was, now) for key, was, now in owners if now is not None and now != was]
    await hand_over_sessions(connection, moved)
    await give_first_clicks_to_persons(connection, [key for key, was, _ in moved if was is None])


async def _keep_claims(connection: "Connection", accepted: Iterable[SessionUse]) -> None:
    rows = [(use.business_id, use.session, use.profile_key, use.kind.value, use.received_at) for use in accepted]
    rows = [row for row in rows if row[2] is not None]
    if rows:
        await connection.execute(QUERIES.keep_claims, *columns(rows))


def state_of(row: "Row") -> SessionState:
    """Return the state that a row of sessions holds."""
    return SessionState(
        row["profile_key"],
        row["link"],
        row["campaign"],
        row["journey"],
        row["message"],
        is_clicked_by_recipient=row["is_clicked_by_recipient"],
        created_at=row["created_at"],
    )


def _row(key: SessionKey, state: SessionState) -> tuple[object, ...]:
    return (
        *key,
        state.profile_key,
        state.link,
        state.campaign,
        state.journey,
        state.message,
        state.is_clicked_by_recipient,
        state.created_at,
    )
