"""Pauses between tries."""

from common.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    """And begin anew once something has worked."""
    backoff = Backoff(0.1, 0.5, is_spread=False)
    assert [backoff.pause() for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert backoff.upcoming == 0.5
    backoff.reset()
    assert backoff.pause() == 0.1


def test_pauses_of_many_end_apart() -> None:
    """Each takes at least half of its length, and never more than all of it."""
    pauses = [Backoff(1.0, 1.0).pause() for _ in range(1_000)]
    assert all(0.5 <= pause <= 1.0 for pause in pauses)
    assert max(pauses) - min(pauses) > 0.25
