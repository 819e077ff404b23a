"""Advisory locks: who waits for whom beyond rows. Their numbers stand together, so that no two are the same."""

from collections.abc import Collection
from enum import IntEnum
from typing import TYPE_CHECKING

from tracking_service.postgres.queries import QUERIES

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class Lock(IntEnum):
    """What is locked. Arbitrary numbers, apart from those of other programs on the same database."""

    MIGRATIONS = 7_262_001
    ATTRIBUTION = 7_262_002
    COUNTERS = 7_262_003
    IDENTITIES = 7_262_004
    ORDER_SESSIONS = 7_262_006


async def lock_names(connection: "Connection", lock: Lock, names: Collection[str]) -> None:
    """Wait until no other transaction holds this lock of these names, and hold it until the transaction ends."""
    await connection.execute(QUERIES.lock_names, list(names), lock)
