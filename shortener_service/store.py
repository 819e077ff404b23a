"""What the use cases ask of the store. Every method raises `ClicktrailError` UNAVAILABLE where it cannot answer."""

from typing import Protocol


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
