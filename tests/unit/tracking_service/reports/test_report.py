"""How sums of counters become a report."""

from datetime import UTC, datetime, timedelta

from tracking_service.money import Money
from tracking_service.reports.range import Interval, Range
from tracking_service.reports.report import ActionSum, ClickSum, EventSum, Report, Sums, ValueSum, compose

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
RANGE = Range(
    START, START + timedelta(hours=3), "UTC", Interval.HOUR, tuple(START + timedelta(hours=hour) for hour in range(3))
)


def report(**sums: object) -> Report:
    """Return the report of a campaign with these sums."""
    told: dict[str, object] = {"recipients": 0, "clicks": [], "events": [], "actions": [], "breakdowns": {}}
    return compose(("campaign", "spring"), RANGE, Sums(**(told | sums)))  # type: ignore[arg-type]  # what a test says


def test_points_without_anything_are_there_with_zeros() -> None:
    """A series has no gaps."""
    made = report(clicks=[ClickSum(2, 5, 4, 3, 5)])
    assert [(figures.clicks, figures.unique_clickers, figures.bot_hits) for _, figures in made.series] == [
        (0, 0, 0),
        (5, 4, 3),
        (0, 0, 0),
    ]
    assert (made.totals.clicks, made.totals.sessions) == (5, 5)


def test_revenue_is_kept_by_currency() -> None:
    """What was taken back entirely is left out."""
    made = report(events=[EventSum(1, "USD", 1, 500), EventSum(2, "USD", -1, -500), EventSum(3, "EUR", 2, 2**70)])
    assert made.totals.revenue.amounts() == [Money(2**70, "EUR")]
    assert made.totals.conversions == 2


def test_rates_are_zero_without_recipients() -> None:
    """And shares of the recipients otherwise."""
    clicks, events = [ClickSum(1, 9, 5, 0, 9, clicked_recipients=3)], [EventSum(1, "", 1, 0)]
    assert (report(clicks=clicks).click_through_rate, report(events=events).conversion_rate) == (0, 0)
    made = report(recipients=4, clicks=clicks, events=events)
    assert (made.click_through_rate, made.conversion_rate) == (0.75, 0.25)


def test_actions_come_by_frequency() -> None:
    """With their revenue; those that are none any more are left out."""
    made = report(
        actions=[
            ActionSum("page.viewed", "", 3, 0),
            ActionSum("order.placed", "USD", 2, 700),
            ActionSum("order.placed", "", 2, 0),
            ActionSum("cart.viewed", "", 0, 0),
        ]
    )
    assert [(one.action, one.count, one.revenue) for one in made.events] == [
        ("order.placed", 4, [Money(700, "USD")]),
        ("page.viewed", 3, []),
    ]


def test_breakdowns_hold_the_top_values_and_the_rest() -> None:
    """Fifty, and all others as one."""
    values = [ValueSum(f"v{number:02}", 100 - number, 1) for number in range(60)]
    top = report(breakdowns={"browser": values}).breakdowns["browser"]
    assert (len(top), top[0].value, top[-1]) == (51, "v00", ValueSum("other", sum(range(41, 51)), 10))


def test_a_value_may_be_called_as_the_rest_is() -> None:
    """It is one of the others then, so that no value stands there twice."""
    few = [ValueSum("other", 9, 2), ValueSum("a", 1, 1)]
    assert report(breakdowns={"referrer": few}).breakdowns["referrer"] == [ValueSum("a", 1, 1), ValueSum("other", 9, 2)]
    many = [ValueSum("other", 99, 5), *(ValueSum(f"v{number:02}", 10, 1) for number in range(51))]
    found = report(breakdowns={"referrer": many}).breakdowns["referrer"]
    assert (len(found), found[-1]) == (51, ValueSum("other", 109, 6))
    assert len({one.value for one in found}) == 51
