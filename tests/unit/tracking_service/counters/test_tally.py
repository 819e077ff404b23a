"""New clicks are added up by scope and quarter of an hour."""

from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tracking_service.counters.breakdowns import Origin
from tracking_service.counters.first_clicks import CAMPAIGN, OF_LINK, OWN, CountedClick
from tracking_service.counters.scopes import BUCKET, bucket_of, scopes_of
from tracking_service.counters.tally import ClickTally, seconds_between, values_of

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


ORIGIN = Origin("t1", "mobile", "Mobile Safari", "iOS", "UY", "es", "direct")


def visit(at: datetime, origin: Origin = ORIGIN, *, is_recipients: bool = False) -> CountedClick:
    """Return a click on a link of a campaign that was made an hour before noon."""
    return CountedClick(
        business_id="shop",
        session="s1",
        profile_key=1,
        clicked_at=at,
        click_id=UUID(int=1),
        link_created_at=NOON - timedelta(hours=1),
        link="abc",
        campaign="spring",
        journey=None,
        message=None,
        origin=origin.packed("human"),
        is_recipients=is_recipients,
    )


def moved(before: CountedClick, after: CountedClick) -> ClickTally:
    """Return what changes where a visitor's first click in a campaign turns out to be an earlier one."""
    tally = ClickTally()
    tally.move(after, 0, CAMPAIGN)
    tally.move(before, CAMPAIGN, 0)
    return tally


def test_a_first_click_that_moves_is_counted_out_where_it_was() -> None:
    """And in where it is now; by cohort it stays, in the quarter that the link was made in, but for its time."""
    tally = moved(visit(NOON + timedelta(hours=1)), visit(NOON))
    assert {key[1:]: astuple(counts) for key, counts in tally.counts.items()} == {
        ("campaign", "spring", NOON): (0, 1, 0, 0, 3600, 0),
        ("campaign", "spring", NOON + timedelta(hours=1)): (0, -1, 0, 0, -7200, 0),
        ("campaign cohort", "spring", NOON - timedelta(hours=1)): (0, 0, 0, 0, -3600, 0),
    }
    assert sum(counts.unique_clickers for counts in tally.breakdowns().values()) == 0


def test_a_first_click_moves_to_other_values() -> None:
    """Each visitor counts in the values of the earliest click."""
    changed = moved(visit(NOON), visit(NOON, ORIGIN._replace(device="desktop"))).breakdowns()
    for scope in ("campaign", "campaign day", "campaign cohort", "campaign cohort day"):
        devices = {
            key[5]: counts.unique_clickers for key, counts in changed.items() if key[4] == "device" and key[1] == scope
        }
        assert devices == {"mobile": -1, "desktop": 1}


def test_a_recipients_link_has_one_row_for_all_values() -> None:
    """In its own scope alone, with its counters."""
    tally = ClickTally()
    tally.move(visit(NOON, is_recipients=True), 0, OF_LINK + OF_LINK * OWN)
    assert {key: astuple(counts) for key, counts in tally.links.items()} == {
        ("shop", "abc", NOON, ORIGIN.packed("human")): (0, 1, 0, 0, 3600, 1)
    }
    assert not tally.counts
    assert not tally.breakdowns()
    assert dict(values_of(ORIGIN.packed("human")))["browser"] == "Mobile Safari"
    assert list(values_of(ORIGIN.packed("bot"))) == [("verdict", "bot")]


def test_clocks_that_differ_make_no_time_negative() -> None:
    """A click before its link was made took no time."""
    assert seconds_between(NOON, NOON - timedelta(hours=2)) == 0
    assert seconds_between(NOON, NOON + timedelta(hours=1, milliseconds=999)) == 3600
