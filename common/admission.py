"""Bounds what is under way: beyond, work is refused at once instead of waiting for its time to end."""

from types import TracebackType

from common.errors import overloaded


class Places:
    """So many things may be under way; one more is from `take` to `give_back`, or inside of `with`."""

    def __init__(self, places: int) -> None:
        self._left = places

    def take(self) -> None:
        """Take a place. Raises UNAVAILABLE (`OVERLOADED`) where none is left."""
        if self._left <= 0:
            raise overloaded()
        self._left -= 1

    def give_back(self) -> None:
        """Leave a place to the next."""
        self._left += 1

    def __enter__(self) -> None:
        self.take()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()
