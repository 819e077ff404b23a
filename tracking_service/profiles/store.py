"""Keeps profiles and their identities in PostgreSQL."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from common.errors import ClicktrailError, FaultType, Kind, Reason, already_exists, field_fault, not_found
from tracking_service.accounts.store import check_business
from tracking_service.identity.evidence import Identity, Naming
from tracking_service.identity.statement_store import (
    FormerHolder,
    keep_namings,
    mark_identities,
    mark_persons_identities,
)
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.postgres.pages import Listing, Page, read_page
from tracking_service.postgres.pool import Postgres
from tracking_service.profiles.profile import Profile, profile_hash
from tracking_service.profiles.queries import QUERIES

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row


class ProfileName(NamedTuple):
    """A profile by the id that its business knows."""

    business_id: str
    id: str


class HashedName(NamedTuple):
    """The same, and what is remembered of the id once the profile is erased."""

    business_id: str
    id: str
    profile_hash: bytes


class Holding(NamedTuple):
    """Whose an identity is, and whether a private token gave it."""

    profile_key: int
    is_named: bool


PROFILES = Listing(QUERIES.list_profiles, QUERIES.find_position)


class PostgresProfiles:
    """The profiles of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def create(self, business_id: str, profile: Profile) -> None:
        """Keep a new profile. Raises `BUSINESS_UNKNOWN`, `PROFILE_TAKEN`, `IDENTITY_TAKEN`."""

        async def work(connection: "Connection") -> None:
            await lock_identities(connection, business_id, profile.identities)
            key = await create_profile(connection, business_id, profile)
            await _take_identities(connection, business_id, key, profile.identities, profile.created_at)
            await connection.execute(QUERIES.forget_tombstone, business_id, profile_hash(profile.id))

        await self._postgres.in_transaction(work)

    async def find(self, business_id: str, profile_id: str) -> Profile | None:
        """Return a profile, if there is one."""
        async with self._postgres.connection() as connection:
            row = await connection.fetchrow(QUERIES.find_profile, business_id, profile_id)
        return None if row is None else _profile(row)

    async def page(self, business_id: str, page: Page) -> tuple[list[Profile], bool]:
        """Return a page of profiles, newest first, and whether there are more."""
        async with self._postgres.reading(business_id) as connection:
            rows, has_more = await read_page(connection, PROFILES, (business_id,), page)
        return [_profile(row) for row in rows], has_more

    async def change(self, business_id: str, profile: Profile, fields: AbstractSet[str], at: datetime) -> Profile:
        """Take over these fields, and return the profile as it is then.

        Raises `PROFILE_UNKNOWN`, `IDENTITY_TAKEN`.
        """

        async def work(connection: "Connection") -> Profile:
            if "identities" in fields:
                await lock_identities(connection, business_id, profile.identities)
            key = await lock_profile(connection, business_id, profile.id)
            if key is None:
                raise unknown_profile()
            await connection.execute(
                QUERIES.change_profile, business_id, key, profile.name, profile.email, profile.phone, profile.metadata,
                sorted(fields),
            )  # fmt: skip
            if fields & {"email", "phone"}:
                await mark_persons_identities(connection, business_id, key)
            if "identities" in fields:
                await _give_up_identities(connection, business_id, key, profile.identities, at)
                await _take_identities(connection, business_id, key, profile.identities, at)
            return _profile(await connection.fetchrow(QUERIES.find_profile, business_id, profile.id))

        return await self._postgres.in_transaction(work)


def unknown_profile(parameter: str = "id") -> ClicktrailError:
    """Return the error for a profile that there is not."""
    return not_found(Reason.PROFILE_UNKNOWN, "There is no such profile.", parameter)


async def create_profile(connection: "Connection", business_id: str, profile: Profile) -> int:
    """Create a profile without its identities and return its surrogate. Raises `BUSINESS_UNKNOWN`, `PROFILE_TAKEN`."""
    key = await connection.fetchval(
        QUERIES.create_profile, business_id, profile.id, profile.name, profile.email, profile.phone, profile.metadata,
        profile.created_at,
    )  # fmt: skip
    if key is None:
        await check_business(connection, business_id)
        raise already_exists(Reason.PROFILE_TAKEN, "Another profile has this id.", "id")
    return int(key)


async def was_erased(connection: "Connection", business_id: str, profile_id: str) -> bool:
    """Tell whether the person with this profile was erased."""
    return bool(await connection.fetchval(QUERIES.has_tombstone, business_id, profile_hash(profile_id)))


async def lock_identities(connection: "Connection", business_id: str, identities: Sequence[Identity]) -> None:
    """Wait until no other transaction gives out any of these identities."""
    if identities:
        wanted = columns(identities, "source", "user_id")
        await connection.execute(QUERIES.lock_identities, business_id, *wanted)


async def _take_identities(
    connection: "Connection", business_id: str, profile_key: int, identities: Sequence[Identity], at: datetime
) -> None:
    """Give a profile identities, also those that only pages gave to another one."""
    if not identities:
        return
    holders = await _find_holders(connection, business_id, identities)
    if any(holder.is_named and holder.profile_key != profile_key for holder in holders.values()):
        fault = field_fault("identities", "has one that is another profile's.", FaultType.PARAMETER_NOT_UNIQUE)
        raise ClicktrailError(Kind.ALREADY_EXISTS, Reason.IDENTITY_TAKEN, [fault])
    given = [identity for identity in identities if identity not in holders or not holders[identity].is_named]
    named = columns(identities, "source", "user_id")
    await connection.execute(QUERIES.name_identities, business_id, *named, profile_key, at)
    await keep_namings(connection, business_id, [Naming(one, profile_key, at) for one in given])
    before = {identity: holder.profile_key for identity, holder in holders.items()}
    former = [FormerHolder(one.source, one.user_id, before.get(one)) for one in given]
    await mark_identities(connection, business_id, former)


async def _give_up_identities(
    connection: "Connection", business_id: str, profile_key: int, kept: Sequence[Identity], at: datetime
) -> None:
    """Take all identities but some from a profile."""
    wanted = columns(kept, "source", "user_id")
    rows = await connection.fetch(QUERIES.remove_identities, business_id, *wanted, profile_key)
    former = [FormerHolder(**row) for row in rows]
    released = [Naming(Identity(one.source, one.user_id), profile_key, at, is_release=True) for one in former]
    await keep_namings(connection, business_id, released)
    await mark_identities(connection, business_id, former)


async def _find_holders(
    connection: "Connection", business_id: str, identities: Sequence[Identity]
) -> dict[Identity, Holding]:
    """Return whose identities are; those of no profile are left out."""
    rows = await connection.fetch(QUERIES.find_identities, business_id, *columns(identities, "source", "user_id"))
    return {Identity(row["source"], row["user_id"]): Holding(row["profile_key"], row["is_named"]) for row in rows}


def _profile(row: "Row | None") -> Profile:
    if row is None:
        raise LookupError("a profile that is held cannot go away")
    pairs = zip(row["sources"], row["user_ids"], strict=True)
    identities = tuple(Identity(source, user_id) for source, user_id in pairs)
    return Profile(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        phone=row["phone"],
        identities=identities,
        metadata=row["metadata"],
        created_at=row["created_at"],
    )


async def profile_keys(
    connection: "Connection", wanted: Iterable[ProfileName], at: datetime
) -> dict[tuple[str, str], int]:
    """Return the surrogates of profiles, by (business, profile); those not known yet are created.

    Inside a transaction, since a profile created must stay as long as what names it.
    """
    missing = sorted(set(wanted))
    found = await _find_profiles(connection, missing)
    missing = [name for name in missing if name not in found]
    if missing:
        rows = await connection.fetch(QUERIES.create_profiles, *packed_columns(missing, "business_id", "id"), at)
        found |= {(row["business_id"], row["id"]): row["profile_key"] for row in rows}
        missing = [name for name in missing if name not in found]
    if missing:  # Another transaction created them in between, and has committed.
        found |= await _find_profiles(connection, missing)
    return found


async def recipient_keys(
    connection: "Connection", wanted: Iterable[ProfileName], at: datetime
) -> dict[tuple[str, str], int | None]:
    """Return the surrogates of people whom links name, as `profile_keys`; None for those who were erased.

    Whose profile is found and who is erased later is erased row by row.
    """
    names = set(wanted)
    if not names:
        return {}
    hashed = [HashedName(name.business_id, name.id, profile_hash(name.id)) for name in names]
    rows = await connection.fetch(QUERIES.find_recipients, *packed_columns(hashed, "business_id", "id", "profile_hash"))
    found = {(row["business_id"], row["id"]): None if row["is_erased"] else row["profile_key"] for row in rows}
    if missing := names - found.keys():
        found |= await profile_keys(connection, missing, at)
    return found


async def find_profile(connection: "Connection", business_id: str, profile_id: str) -> int | None:
    """Return the surrogate of a profile; None: there is no such profile."""
    key: int | None = await connection.fetchval(QUERIES.find_profile_key, business_id, profile_id)
    return key


async def lock_profile(connection: "Connection", business_id: str, profile_id: str) -> int | None:
    """Return the surrogate of a profile, which is held until the transaction ends; None: there is no such profile."""
    key: int | None = await connection.fetchval(QUERIES.lock_profile, business_id, profile_id)
    return key


async def take_back_profiles(connection: "Connection", named: Iterable[ProfileName]) -> None:
    """Forget those of these profiles that this transaction has created."""
    refused = sorted(set(named))
    if refused:
        await connection.execute(QUERIES.take_back_profiles, *columns(refused, "business_id", "id"))


async def _find_profiles(connection: "Connection", wanted: Sequence[ProfileName]) -> dict[tuple[str, str], int]:
    if not wanted:
        return {}
    rows = await connection.fetch(QUERIES.find_profile_keys, *packed_columns(wanted, "business_id", "id"))
    return {(row["business_id"], row["id"]): row["profile_key"] for row in rows}
