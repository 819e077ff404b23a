"""Keeps in PostgreSQL whose ids are, with the profiles that hold what pages say."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from common.ids import new_uuid7
from tracking_service.identity.evidence import Identity
from tracking_service.identity.evidence_store import Concerned, KeptHolder, find_holders
from tracking_service.identity.rules import Decision, HolderBasis, IdentityHolder
from tracking_service.postgres.arrays import columns
from tracking_service.reassignment.queries import QUERIES

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class HolderKeys(NamedTuple):
    """Who holds ids, by the surrogates; which ids changed hands; and whom they left, perhaps with nothing more."""

    keys: Mapping[Identity, int]
    moved: set[Identity]
    left: set[int]


class DecidedHolder(NamedTuple):
    """An id, whose it is, and why."""

    source: str
    user_id: str
    profile_key: int
    basis: HolderBasis


async def keep_holders(
    connection: "Connection", business_id: str, concerned: Concerned, decision: Decision, at: datetime
) -> HolderKeys:
    """Keep who holds ids by a decision. Inside the lock of the business's identities, and that of the ids."""
    decided = {one: holder for one, holder in decision.holders.items() if one in concerned.identities}
    kept = await find_holders(connection, business_id, concerned.identities)
    keys = {identity: _known_key(holder, kept.get(identity)) for identity, holder in decided.items()}
    living = await _hold(connection, business_id, {key for key in keys.values() if key is not None})
    found = {identity: key for identity, key in keys.items() if key is not None and key in living}
    found |= await _create(connection, business_id, [one for one in keys if keys[one] is None], at)
    held = [DecidedHolder(one.source, one.user_id, key, decided[one].basis) for one, key in sorted(found.items())]
    await _keep(connection, business_id, [holder for holder in held if not _is_kept(holder, kept)], at)
    await _fill(connection, business_id, held)
    gone = {one for one in concerned.outdated if one in kept and one not in decided}
    await _release(connection, business_id, gone)
    moved = {identity for identity in found if identity in kept and kept[identity].profile_key != found[identity]}
    return HolderKeys(found, moved, {kept[identity].profile_key for identity in moved | gone})


def _known_key(holder: IdentityHolder, kept: KeptHolder | None) -> int | None:
    """Return the surrogate of a holder; None where its page profile is still to be made."""
    if holder.profile_key is None and kept is not None and kept.basis is HolderBasis.PAGE:
        return kept.profile_key
    return holder.profile_key


async def _hold(connection: "Connection", business_id: str, keys: Collection[int]) -> set[int]:
    """Return which of these profiles are there: erased people hold nothing, and nobody is erased meanwhile."""
    if not keys:
        return set()
    rows = await connection.fetch(QUERIES.hold_profiles, business_id, sorted(keys))
    return {row["profile_key"] for row in rows}


async def _create(
    connection: "Connection", business_id: str, identities: Collection[Identity], at: datetime
) -> dict[Identity, int]:
    ids = {str(new_uuid7(at)): identity for identity in sorted(identities)}
    if not ids:
        return {}
    rows = await connection.fetch(QUERIES.create_page_profiles, business_id, list(ids), at)
    return {ids[row["id"]]: row["profile_key"] for row in rows}


async def _keep(connection: "Connection", business_id: str, held: Collection[DecidedHolder], at: datetime) -> None:
    if held:
        wanted = columns(held, "source", "user_id", "profile_key", "basis")
        await connection.execute(QUERIES.keep_holders, business_id, *wanted, at)


async def _release(connection: "Connection", business_id: str, identities: Collection[Identity]) -> None:
    """Leave ids that do not count any more to nobody."""
    if identities:
        released = columns(sorted(identities), "source", "user_id")
        await connection.execute(QUERIES.release_holders, business_id, *released)


def _is_kept(holder: DecidedHolder, kept: Mapping[Identity, KeptHolder]) -> bool:
    known = kept.get(Identity(holder.source, holder.user_id))
    return known is not None and (known.profile_key, known.basis) == (holder.profile_key, holder.basis)


async def _fill(connection: "Connection", business_id: str, held: Collection[DecidedHolder]) -> None:
    """Write what was said of people into the profiles that take it."""
    for basis, query in (
        (HolderBasis.PAGE, QUERIES.fill_page_profiles),
        (HolderBasis.NAMED, QUERIES.fill_named_profiles),
    ):
        filled = [holder for holder in held if holder.basis is basis]
        if filled:
            await connection.execute(query, business_id, *columns(filled, "source", "user_id", "profile_key"))
