"""What is read from the store as a whole and remembered for seconds, so that no redirect waits for it each time."""

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from common.errors import ClicktrailError, Reason

FRESH_SECONDS = 5.0

Value = TypeVar("Value")


class FreshlyRead(Generic[Value]):
    """A value, read again after 5 seconds; while the store is away, as it was before."""

    def __init__(self, read: Callable[[], Awaitable[Value]], empty: Value) -> None:
        self._read = read
        self._is_known = False
        self._read_at = -FRESH_SECONDS
        self.value = empty
        """As it was read last; at first the empty one."""

    async def current(self) -> Value:
        """Return it, at most 5 seconds old while the store answers."""
        if time.monotonic() - self._read_at >= FRESH_SECONDS:
            try:
                await self.refresh()
            except ClicktrailError as error:
                # An emptied store has no link either that it could be needed for.
                if not self._is_known and error.reason is not Reason.STORE_INCOMPLETE:
                    raise
        return self.value

    async def refresh(self) -> Value:
        """Read it again."""
        read_at = time.monotonic()
        self.value = await self._read()
        self._is_known = True
        self._read_at = read_at
        return self.value
