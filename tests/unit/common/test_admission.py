"""Places for what is under way."""

import pytest

from common.admission import Places
from common.errors import ClicktrailError, Reason


def test_beyond_the_places_work_is_refused_at_once() -> None:
    """And taken again when one has ended, also by an error."""
    places = Places(2)
    places.take()
    with places:
        for _ in range(2):
            with pytest.raises(ClicktrailError) as refusal, places:
                raise AssertionError
            assert refusal.value.reason is Reason.OVERLOADED
    with pytest.raises(KeyError), places:
        raise KeyError
    places.give_back()
    with places, places:
        pass
