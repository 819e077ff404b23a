"""What the use cases ask of the store. Every method raises `ClicktrailError` UNAVAILABLE where it cannot answer."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Entry(NamedTuple):
    """One entry of the outbox."""

    shard: int
    id: str
    delivery: bytes
    """A serialized `DeliverRequest`."""


class Outbox(Protocol):
    """What is to be delivered, as one consumer sees it: what it has read is pending for it until removed."""

    async def read_new(self, shards: Sequence[int], count: int) -> list[Entry]:
        """Return at most so many entries a shard that nobody has read, oldest first."""

    async def read_pending(self, after: dict[int, str], count: int) -> list[Entry]:
        """Return at most so many entries a shard that are pending for this consumer, behind these ids."""

    async def claim(self, count: int) -> list[Entry]:
        """Take over entries that have been pending for too long, whoever read them."""

    async def remove(self, entries: Sequence[Entry]) -> None:
        """Forget entries that were delivered."""

    async def leave(self) -> None:
        """Stop being a consumer, on each shard where nothing is pending for it."""

    def take_missed(self) -> set[int]:
        """Return the shards that did not answer since this was last asked: they keep nobody from the others."""


class Installation(Protocol):
    """What the store knows of itself."""

    async def prepare(self) -> None:
        """Check that the store keeps what it is given, and see to it that there is a secret.

        Raises `UnsuitableStoreError` where another setting or release is needed.
        """

    async def learn(self) -> tuple[bytes, bytes]:
        """Return the secret that codes are derived with, and the generation that it is of.

        A store that is emptied and restored is of another generation then; one that is not complete has none. Raises
        STORE_INCOMPLETE where there is no secret.
        """

    async def is_complete(self) -> bool:
        """Tell whether every shard is marked as holding all its data."""
