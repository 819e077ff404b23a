"""New clicks are added up by scope and quarter of an hour."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tracking_service.click_tally import ClickTally, FirstClick
from tracking_service.domain import BUCKET, bucket_of, scopes_of, visitor_of

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  (Hypothesis wants them naive)
def test_a_bucket_is_the_quarter_of_an_hour(at: datetime) -> None:
    """It holds its time and starts on a quarter."""
    bucket = bucket_of(at)
    assert bucket <= at < bucket + BUCKET
    assert (bucket.minute % 15, bucket.second, bucket.microsecond) == (0, 0, 0)


def test_what_there_is_not_is_no_scope() -> None:
    """Only the business is always there."""
    assert list(scopes_of(campaign=None, journey="", message=None, link=None)) == [("business", "")]


def test_a_person_is_never_a_session() -> None:
    """Whatever the session is called."""
    assert visitor_of(1, "1") != visitor_of(None, "1")


def test_a_first_click_that_moves_is_counted_out_where_it_was() -> None:
    """And in where it is now."""
    tally = ClickTally()
    tally.move(FirstClick("shop", "campaign", "spring", NOON, NOON + timedelta(hours=1)))
    uniques = {key[3]: counts.unique_clickers for key, counts in tally.counts.items()}
    assert uniques == {NOON: 1, NOON + timedelta(hours=1): -1}
    assert sum(counts.unique_clickers for counts in tally.breakdowns.values()) == 0


def test_a_first_click_within_its_bucket_changes_nothing() -> None:
    """In and out are the same place."""
    tally = ClickTally()
    tally.move(FirstClick("shop", "campaign", "spring", NOON, NOON + timedelta(minutes=1)))
    assert [counts.row() for counts in tally.counts.values()] == [(0, 0, 0, 0)]
