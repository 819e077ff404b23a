"""What the use cases ask of the store. Every method raises `ClicktrailError` UNAVAILABLE where it cannot answer."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from common.errors import ClicktrailError
from shortener_service.domain import LinkKey, LinkRecord, Template


class Placing(NamedTuple):
    """A link to write where its code is free."""

    longest: str
    """The code at its full length."""
    shortest: int
    """From which length on a link of this code may exist already; equal to `length`: only there."""
    length: int
    """The length to write it at."""
    record: LinkRecord
    delivery: bytes
    """What the outbox gets if the link is new: a serialized `DeliverRequest`."""


class Found(NamedTuple):
    """A link that was there already."""

    key: LinkKey
    record: LinkRecord


class LinkStore(Protocol):
    """Keeps links and their templates."""

    async def put_template(self, template: Template) -> bytes:
        """Keep a template and return its id. To be called before any link of it is created."""

    async def get_templates(self, ids: Sequence[bytes]) -> list[Template | ClicktrailError | None]:
        """Return templates, in order; None where one is not there, an error where that cannot be told."""

    async def place(
        self, domain: str, other_domains: Sequence[str], placings: Sequence[Placing], generation: bytes
    ) -> list[list[Found]]:
        """Write each link unless its code is taken, with its delivery in the outbox, and return in order what is there.

        An empty answer: written. Otherwise nothing was: the links found at any length asked for, on this domain and
        the other ones. Raises STORE_INCOMPLETE or OUTBOX_FULL, and then some of them may have been written;
        `StoreRestored` where the store is of another generation than the caller's secret.
        """

    async def get_records(self, keys: Sequence[LinkKey]) -> list[bytes | ClicktrailError | None]:
        """Return the records of links, in order; None where there is none, an error where that cannot be told.

        They are as they were written (`formats`): who knows a record already need not read it.
        """

    async def change(self, key: LinkKey, old: LinkRecord, new: LinkRecord, delivery: bytes) -> bool:
        """Replace a record and append its delivery, unless it is not the old one any more."""

    async def count_links(self) -> int:
        """Return how many links there are: at least as many as there were a second ago."""


ANY: Final = None
News = Sequence[LinkKey] | ClicktrailError | None
"""The links of a shard that were changed, `ANY` where it may be any of them, or why that cannot be told."""


class ChangeFeed(Protocol):
    """Tells which links were changed, by whichever process."""

    async def read(self) -> list[News]:
        """Return for each shard what was changed since the last time; what cannot be told now is told the next time.

        The first time it is `ANY`.
        """


class FlightStore(Protocol):
    """Keeps fresh sessions, and what is to be delivered."""

    async def append(self, shard: int, sessions: dict[str, bytes], delivery: bytes) -> bool:
        """Keep sessions of one shard and append a delivery, atomically; tell whether the outbox had room."""

    async def get_sessions(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the fresh ones among these sessions."""


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
