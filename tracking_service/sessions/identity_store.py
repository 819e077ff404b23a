"""Keep people and their sessions: profiles by their surrogate, sessions by the rule of `identity`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.attribution.queue_store import Visitor, mark_dirty
from tracking_service.counters.scopes import SessionKey
from tracking_service.counters.store import give_first_clicks_to_persons, lock_counting, recount_first_clicks
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.sessions.identity import SessionState, SessionUse, apply_uses, first_state
from tracking_service.sessions.queries import QUERIES

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row

# What is kept of a session beside its key.
STATE = ("profile_key", "link", "campaign", "journey", "message", "is_clicked_by_recipient", "created_at")


class HandedOver(NamedTuple):
    """A session that became another profile's, both by their surrogates; None: it was no profile's before."""

    business_id: str
    session: str
    profile_key: int
    owner_before: int | None


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
    applied = {key: apply_uses(before[key], uses[key]) for key in before}
    after = {key: state for key, (state, _) in applied.items()}
    allowed = {key: iter(verdicts) for key, (_, verdicts) in applied.items()}
    states = [after[claim.key] if next(allowed[claim.key]) else None for claim in claims]
    await _keep_changes(connection, before, after)
    await _keep_claims(connection, [claim for claim, state in zip(claims, states, strict=True) if state is not None])
    return states


async def hand_over_sessions(connection: "Connection", sessions: Iterable[HandedOver]) -> None:
    """Move what happened in sessions to their new owners.

    Both owners are marked to have their events decided again.
    """
    moved = sorted(sessions, key=lambda session: (session.business_id, session.session))
    if not moved:
        return
    await connection.execute(
        QUERIES.move_activities, *columns(moved, "business_id", "session", "profile_key", "owner_before")
    )
    came = [Visitor(each.business_id, each.session, each.profile_key) for each in moved]
    left = [Visitor(each.business_id, None, each.owner_before) for each in moved if each.owner_before is not None]
    await mark_dirty(connection, [*came, *left])


async def _lock_counting(connection: "Connection", claims: Sequence[SessionUse]) -> None:
    """Lock what deliveries lock before sessions, where a click may become another person's."""
    claimed = [claim for claim in claims if claim.profile_key is not None]
    if claimed:
        wanted = columns(claimed, "business_id", "session", "profile_key")
        claimable = await connection.fetch(QUERIES.find_clicked_claimable, *wanted)
        if claimable:
            await lock_counting(connection, [row["business_id"] for row in claimable])


async def _create_and_lock(
    connection: "Connection", uses: dict[SessionKey, list[SessionUse]]
) -> dict[SessionKey, SessionState]:
    states = {key: first_state(of_session[0]) for key, of_session in uses.items()}
    rows = await connection.fetch(
        QUERIES.create_sessions,
        *packed_columns(states.keys(), "business_id", "session"),
        *packed_columns(states.values(), *STATE),
    )
    known = [SessionKey(**row) for row in rows]
    if known:
        for row in await connection.fetch(QUERIES.lock_sessions, *packed_columns(known, "business_id", "session")):
            states[SessionKey(row["business_id"], row["session"])] = _state_of(row)
        await _tell_reported(connection, uses, states)
    return states


async def _tell_reported(
    connection: "Connection", uses: dict[SessionKey, list[SessionUse]], states: dict[SessionKey, SessionState]
) -> None:
    """Tell which sessions are somebody's by what pages said alone, where that stands against a claim."""
    contested = [
        key
        for key, state in states.items()
        if state.profile_key is not None
        and not state.is_clicked_by_recipient
        and any(use.profile_key not in (None, state.profile_key) for use in uses[key])
    ]
    if contested:
        rows = await connection.fetch(QUERIES.find_reported, *columns(contested, "business_id", "session"))
        for row in rows:
            key = SessionKey(**row)
            states[key] = replace(states[key], is_reported=True)


async def _keep_changes(
    connection: "Connection", before: dict[SessionKey, SessionState], after: dict[SessionKey, SessionState]
) -> None:
    changed = [key for key in before if before[key] != after[key]]
    if not changed:
        return
    await connection.execute(
        QUERIES.change_sessions,
        *columns(changed, "business_id", "session"),
        *columns([after[key] for key in changed], *STATE),
    )
    moved = []
    for key in changed:
        owner, owner_before = after[key].profile_key, before[key].profile_key
        if owner is not None and owner != owner_before:
            moved.append(HandedOver(key.business_id, key.session, owner, owner_before))
    await hand_over_sessions(connection, moved)
    claimed = [SessionKey(each.business_id, each.session) for each in moved if each.owner_before is None]
    await give_first_clicks_to_persons(connection, claimed)
    for each in moved:
        if (
            each.owner_before is not None
            and not after[SessionKey(each.business_id, each.session)].is_clicked_by_recipient
        ):
            await recount_first_clicks(connection, each.business_id, _owners([each]), [each.session])


def _owners(moved: Iterable[HandedOver]) -> set[int]:
    return {owner for each in moved for owner in (each.profile_key, each.owner_before) if owner is not None}


async def _keep_claims(connection: "Connection", accepted: Iterable[SessionUse]) -> None:
    claims = [use for use in accepted if use.profile_key is not None]
    if claims:
        await connection.execute(
            QUERIES.keep_claims, *columns(claims, "business_id", "session", "profile_key", "kind", "received_at")
        )


def _state_of(row: "Row") -> SessionState:
    return SessionState(
        profile_key=row["profile_key"],
        link=row["link"],
        campaign=row["campaign"],
        journey=row["journey"],
        message=row["message"],
        is_clicked_by_recipient=row["is_clicked_by_recipient"],
        created_at=row["created_at"],
    )
