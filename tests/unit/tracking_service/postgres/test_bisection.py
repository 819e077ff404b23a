"""What cannot be stored is found among what can."""

from collections.abc import Sequence

import pytest

from tracking_service.postgres.bisection import ContentRefused, store_each


class Store:
    """Refuses numbers, together with all that comes with them; those in `once` for the first time alone."""

    def __init__(self, refused: set[int], once: set[int] | None = None) -> None:
        self.refused = refused
        self.once = set(once or ())
        self.kept: list[int] = []
        self.aside: list[tuple[int, str]] = []
        self.tries = 0

    async def store(self, items: Sequence[int]) -> list[int]:
        """Keep all of the items or none."""
        self.tries += 1
        if wrong := self.refused & set(items):
            raise ContentRefused(f"not {min(wrong)}")
        if len(items) == 1 and items[0] in self.once:
            self.once.discard(items[0])
            raise ContentRefused("not yet")
        if self.once & set(items):
            raise ContentRefused("not together")
        self.kept += items
        return list(items)

    async def set_aside(self, item: int, reason: str) -> list[int]:
        """Note what is refused alone."""
        self.aside.append((item, reason))
        return [-item]


async def test_what_is_sound_is_stored_in_one_go() -> None:
    """Where all can be stored there is no second try."""
    store = Store(set())
    assert await store_each(range(1000), store.store, store.set_aside) == [list(range(1000))]
    assert store.tries == 1


@pytest.mark.parametrize("refused", [{0}, {999}, {499, 500}, {1, 7, 400, 998}, set(range(100, 200))])
async def test_only_those_at_fault_are_set_aside(refused: set[int]) -> None:
    """Their neighbours are stored once, in order, and results stay in order."""
    store = Store(refused)
    results = await store_each(range(1000), store.store, store.set_aside)
    assert store.kept == [number for number in range(1000) if number not in refused]
    assert store.aside == [(number, f"not {number}") for number in sorted(refused)]
    flat = [number for piece in results for number in piece]
    assert flat == [-number if number in refused else number for number in range(1000)]


async def test_all_may_be_at_fault() -> None:
    """Then all are set aside."""
    store = Store({1, 2, 3})
    await store_each([1, 2, 3], store.store, store.set_aside)
    assert ([number for number, _ in store.aside], store.kept) == ([1, 2, 3], [])


async def test_what_is_refused_once_alone_is_tried_again() -> None:
    """A partition that was made at that moment is no reason to set a row aside."""
    store = Store(set(), once={5})
    await store_each(range(8), store.store, store.set_aside)
    assert (sorted(store.kept), store.aside) == (list(range(8)), [])


async def test_any_other_failure_ends_it() -> None:
    """A store that is away finds nobody at fault."""
    store = Store({3})

    async def fail(items: Sequence[int]) -> list[int]:
        if len(items) == 1:
            raise ConnectionError
        return await store.store(items)

    with pytest.raises(ConnectionError):
        await store_each(range(8), fail, store.set_aside)
    assert store.aside == []
