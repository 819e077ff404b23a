"""Moves sessions, and what happened in them, to their new owners, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from tracking_service.counters.store import lock_counting, recount_first_clicks
from tracking_service.identity.evidence import IdentityEvidence
from tracking_service.identity.evidence_store import SessionFacts, find_claimed
from tracking_service.postgres.arrays import columns
from tracking_service.reassignment.queries import QUERIES
from tracking_service.sessions.identity_store import HandedOver, hand_over_sessions

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


async def move_sessions(
    connection: "Connection",
    business_id: str,
    facts: Mapping[str, SessionFacts],
    evidence: IdentityEvidence,
    owners: Mapping[str, int],
) -> None:
    """Give sessions to their owners (surrogates).

    Their activities, credits and first clicks follow. What changed since the decision is decided on again.
    """
    wanted = {
        session: owners[session]
        for session, one in facts.items()
        if session in owners and _is_free(one, evidence) and one.profile_key != owners[session]
    }
    if not wanted:
        return
    if any(facts[session].is_clicked for session in wanted):  # Before sessions, as deliveries do.
        await lock_counting(connection, {business_id})
    steady = await _lock_steady(connection, business_id, facts, wanted)
    moved = [HandedOver(business_id, each, wanted[each], facts[each].profile_key) for each in sorted(steady)]
    await _move(connection, business_id, moved, [one.session for one in moved if facts[one.session].is_clicked])


def _is_free(one: SessionFacts, evidence: IdentityEvidence) -> bool:
    return not one.is_clicked_by_recipient and not one.is_erased and one.session not in evidence.claimed


async def _lock_steady(
    connection: "Connection", business_id: str, facts: Mapping[str, SessionFacts], wanted: Collection[str]
) -> set[str]:
    """Lock sessions and return those that are as they were when they were decided on; mark the others."""
    rows = await connection.fetch(QUERIES.lock_session_facts, business_id, sorted(wanted))
    claimed = await find_claimed(connection, business_id, wanted)
    found = {row["session"]: SessionFacts(**row) for row in rows}
    steady = {session for session in wanted if found.get(session) == facts[session] and session not in claimed}
    if changed := set(wanted) - steady:
        await connection.execute(QUERIES.mark_sessions, business_id, sorted(changed))
    return steady


async def _move(
    connection: "Connection", business_id: str, moved: Sequence[HandedOver], clicked: Collection[str]
) -> None:
    if not moved:
        return
    await connection.execute(QUERIES.move_sessions, *columns(moved, "business_id", "session", "profile_key"))
    await hand_over_sessions(connection, moved)
    if clicked:
        whole = [one for one in moved if one.session in clicked]
        owners = {owner for one in whole for owner in (one.profile_key, one.owner_before) if owner is not None}
        await recount_first_clicks(connection, business_id, owners, clicked)
