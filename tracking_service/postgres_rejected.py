"""Sets aside what was taken in and cannot be stored."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.postgres import columns
from tracking_service.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres import Connection

QUERIES = load("rejected")


class Rejected(NamedTuple):
    """Something set aside: kind is "event", "click", "link" or "session", item its id, content the message in bytes."""

    business_id: str
    kind: str
    item: str
    content: bytes
    reason: str


async def keep_rejected(connection: "Connection", rows: Sequence[Rejected]) -> None:
    """Keep what was rejected with its reason, each once."""
    if rows:
        # A NUL, which is a reason to be rejected, fits into no text of PostgreSQL either.
        sound = [tuple(_sound(value) for value in row) for row in rows]
        await connection.execute(QUERIES.keep_rejected, *columns(sound))


def _sound(value: str | bytes) -> str | bytes:
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode() if isinstance(value, str) else value
