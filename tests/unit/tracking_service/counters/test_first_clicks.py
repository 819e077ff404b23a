"""Of the clicks of a visitor the earliest is the first one, in each scope by itself."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tracking_service.counters.first_clicks import (
    BUSINESS,
    CAMPAIGN,
    JOURNEY,
    OF_LINK,
    OWN,
    CountedClick,
    everywhere,
    firsts_of,
    is_repeated,
)

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def visit(
    minutes: int, campaign: str = "spring", *, link: str = "abc", own: bool = False, firsts: int = 0
) -> CountedClick:
    """Return a click some minutes after noon, with an id that tells the minutes."""
    at = NOON + timedelta(minutes=minutes)
    return CountedClick(
        business_id="shop",
        session=f"s{minutes}",
        profile_key=1,
        clicked_at=at,
        click_id=UUID(int=minutes),
        link_created_at=NOON,
        link=link,
        campaign=campaign,
        journey=None,
        message=None,
        origin="[]",
        is_recipients=own,
        firsts=firsts,
    )


def mixed(rng: random.Random, count: int, *, links: str, own: float) -> list[CountedClick]:
    """Return clicks, one a minute, in two campaigns, so many of them on links of the visitor's own."""
    return [
        visit(minutes, rng.choice(["spring", "autumn"]), link=rng.choice(links), own=rng.random() < own)
        for minutes in range(count)
    ]


def test_the_first_of_all_is_the_first_everywhere() -> None:
    """What comes after it is so only where it was not: in another campaign, by another link."""
    whole = everywhere(campaign=True, journey=False, message=False, own=False)
    assert firsts_of([visit(3), visit(1), visit(2, "autumn", link="xyz")], []) == [0, whole, CAMPAIGN + OF_LINK]


def test_an_earlier_click_takes_from_a_known_one() -> None:
    """In the scopes that it belongs to; in all others the known one stays what it was."""
    known = visit(5, "autumn", link="xyz", firsts=BUSINESS + CAMPAIGN + OF_LINK)
    early = visit(1, "spring")
    assert firsts_of([early], [known]) == [BUSINESS + CAMPAIGN + OF_LINK, CAMPAIGN + OF_LINK]


def test_a_known_click_gains_nothing_where_others_are_not_looked_at() -> None:
    """Of another campaign not all first clicks are known here."""
    first = visit(1, "winter", link="xyz", firsts=BUSINESS + CAMPAIGN + OF_LINK)
    known = visit(5, "autumn", firsts=OF_LINK)
    assert firsts_of([visit(7, "spring")], [first, known]) == [CAMPAIGN, first.firsts, OF_LINK]


def test_those_on_links_of_their_own_are_told_apart() -> None:
    """A shared link clicked before does not make them any later."""
    shared, own = visit(1, link="shared"), visit(2, own=True)
    whole = everywhere(campaign=True, journey=False, message=False, own=True)
    assert firsts_of([shared, own], []) == [
        BUSINESS + CAMPAIGN + OF_LINK,
        OF_LINK + OWN * (BUSINESS + CAMPAIGN + OF_LINK),
    ]
    assert firsts_of([own], []) == [whole]
    assert not whole & (JOURNEY + JOURNEY * OWN)


@pytest.mark.parametrize("seed", range(5))
def test_any_order_comes_to_the_same(seed: int) -> None:
    """One by one, all at once, in any order."""
    rng = random.Random(seed)  # noqa: S311  (the same mix each time)
    clicks = mixed(rng, 12, links="abc", own=0.5)
    at_once = dict(zip(clicks, firsts_of(clicks, []), strict=True))
    rng.shuffle(clicks)
    known: list[CountedClick] = []
    for click in clicks:
        some = [click, *known]
        known = [each._replace(firsts=firsts) for each, firsts in zip(some, firsts_of([click], known), strict=True)]
    assert {each._replace(firsts=0): each.firsts for each in known} == at_once


def test_a_click_is_repeated_where_all_its_scopes_were_clicked_before() -> None:
    """By the same person on links of their own, if the click is on one; and not at the same time."""
    whole = everywhere(campaign=True, journey=False, message=False, own=True)
    known = [visit(1, own=True, firsts=whole)]
    assert is_repeated(visit(2, own=True), known)
    assert not is_repeated(visit(1, own=True), known)
    assert not is_repeated(visit(2, own=True, link="xyz"), known)
    assert not is_repeated(visit(2, own=True), [visit(1, firsts=whole % OWN)])
    apart = [visit(1, own=True, firsts=whole & ~(OF_LINK * (1 + OWN))), visit(2, own=True, firsts=OF_LINK * (1 + OWN))]
    assert is_repeated(visit(3, own=True), apart)


@pytest.mark.parametrize("seed", range(20))
def test_a_repeated_click_changes_nothing(seed: int) -> None:
    """Whoever searches finds it the first one nowhere, and all others as they were."""
    rng = random.Random(seed)  # noqa: S311  (the same mix each time)
    clicks = mixed(rng, 10, links="ab", own=0.7)
    late = clicks.pop(rng.randrange(4, 10))
    known = [each._replace(firsts=firsts) for each, firsts in zip(clicks, firsts_of(clicks, []), strict=True)]
    searched = firsts_of([late], known)
    assert is_repeated(late, known) == (searched[0] == 0)
    if is_repeated(late, known):
        assert searched[1:] == [each.firsts for each in known]
