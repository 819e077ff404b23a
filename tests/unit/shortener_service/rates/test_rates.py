"""What part of a budget each gateway has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener_service.rates.rates import part_of

UNITS = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 10**9).map(float), max_size=4)


@given(UNITS, st.integers(1, 6))
def test_the_parts_of_all_are_one_at_most(units: dict[str, float], gateways: int) -> None:
    """And nobody has nothing, also where another one is asked for everything."""
    parts = [part_of(gateway, units, gateways) for gateway in units]
    assert sum(parts) <= 1 + 1e-9
    assert all(part > 0 for part in parts)


def test_a_gateway_that_is_asked_for_more_has_more() -> None:
    """One alone has all; of others a fifth is shared alike, and the rest by what each is asked for."""
    assert part_of("a", {"a": 7}, 1) == 1
    assert part_of("a", {"a": 5, "b": 5}, 2) == 0.5
    assert part_of("a", {"a": 9, "b": 1}, 2) == pytest.approx(0.1 + 0.8 * 0.9)
    assert part_of("b", {"a": 9}, 2) == pytest.approx(0.1)


def test_a_budget_that_nothing_was_asked_of_is_shared_alike() -> None:
    """Also where another gateway has not asked for it yet."""
    assert part_of("a", {"a": 0}, 4) == 0.25
    assert part_of("a", {}, 1) == 1
