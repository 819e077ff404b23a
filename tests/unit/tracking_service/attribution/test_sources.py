"""Which source brought a visitor, by what a page sent."""

from datetime import UTC, datetime

import pytest

from tracking_service.attribution.rules import OtherSource
from tracking_service.attribution.sources import other_source

SEEN_AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("beside", ["1" * 5_000, "1e999999999", "-0.0", "[[[]]]"], ids=["long", "vast", "zero", "list"])
def test_what_stands_beside_a_source_is_not_in_its_way(beside: str) -> None:
    """Numbers of any length among it: a visitor is not to be undecided for ever because of one."""
    text = f'{{"source": " Newsletter ", "observed_at": {beside}, "n": {beside}}}'
    assert other_source(text, SEEN_AT, own=()) == OtherSource("newsletter", SEEN_AT)
