"""Pages of lists: newest first, bounded by the ids of what was seen before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from common.errors import Fault, FaultType, invalid

Item = TypeVar("Item")

DEFAULT_LIMIT = 25
LARGEST_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Which piece of a list to read: at most `limit` items behind one id or before another."""

    limit: int
    starting_after: str | None = None
    ending_before: str | None = None

    @property
    def is_backwards(self) -> bool:
        """Whether the items next to a later one are wanted, which are read oldest first."""
        return self.ending_before is not None

    @property
    def cursor(self) -> str | None:
        """The id that the page lies next to."""
        return self.ending_before if self.is_backwards else self.starting_after


def page_of(limit: int, starting_after: str | None, ending_before: str | None) -> Page:
    """Return the page asked for; a limit of 0 means 25. Raises INVALID naming each field at fault."""
    faults = []
    if not 0 <= limit <= LARGEST_LIMIT:
        faults.append(Fault(FaultType.INVALID, "limit", f"It must be 1 to {LARGEST_LIMIT}."))
    if starting_after is not None and ending_before is not None:
        both = "Only one of `starting_after` and `ending_before` may be given."
        faults.append(Fault(FaultType.AMBIGUOUS_PARAMETER, "ending_before", both))
    if faults:
        raise invalid(faults)
    return Page(limit or DEFAULT_LIMIT, starting_after, ending_before)


def cut(items: Sequence[Item], page: Page) -> tuple[list[Item], bool]:
    """Return a page, newest first, and whether there is more, from one item more than it holds, in reading order."""
    kept = list(items[: page.limit])
    if page.is_backwards:
        kept.reverse()
    return kept, len(items) > page.limit
