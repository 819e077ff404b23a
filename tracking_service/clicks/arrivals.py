"""What arrives with a delivery's clicks: what is derived of them, and where they will be their visitors' first ones."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tracking_service.clicks.delivery import Click
from tracking_service.clicks.origins import Origins
from tracking_service.counters.breakdowns import Origin
from tracking_service.counters.first_clicks import CountedClick, firsts_of, is_repeated

Person = tuple[str, int | None]
"""Business, and profile's surrogate; None where there is no person."""


class Arrival(NamedTuple):
    """A click that was delivered, with what is derived of it: what it came from, and what is counted of it."""

    click: Click
    origin: Origin
    counted: CountedClick

    @property
    def person(self) -> Person:
        """Return whose link was clicked."""
        return self.counted.business_id, self.counted.profile_key


class Plan(NamedTuple):
    """Where clicks will be the first ones, unless one of them or its session turns out to be known."""

    firsts: Sequence[int | None]
    """Of each click that arrives; None where it is no visit."""
    known: Sequence[CountedClick]
    """The first clicks so far of `several`."""
    several: frozenset[Person]
    """People whose first clicks are to be told from others, of now or of before."""


def arrivals(clicks: Iterable[Click], keys: Mapping[tuple[str, str], int | None], origins: Origins) -> list[Arrival]:
    """Return clicks with what is derived of them, each once; keys are the surrogates of recipients."""
    return [_arrival(click, keys, origins) for click in {click.key: click for click in clicks}.values()]


def _arrival(click: Click, keys: Mapping[tuple[str, str], int | None], origins: Origins) -> Arrival:
    origin = origins.of(click)
    recipient = None
    if click.profile is not None:
        recipient = keys[click.business_id, click.profile]
        if recipient is None:
            # Of a person who was erased nothing is kept that could tell who it was.
            click = click._replace(query="", address="", user_agent="", referrer="", accept_language="")
    counted = CountedClick(
        business_id=click.business_id,
        session=click.session,
        profile_key=recipient,
        clicked_at=click.clicked_at,
        click_id=click.id,
        link_created_at=click.link_created_at,
        link=click.link,
        campaign=click.campaign,
        journey=click.journey,
        message=click.message,
        origin=origin.packed(click.verdict),
        is_recipients=recipient is not None,
        is_human=click.is_human,
    )
    return Arrival(click, origin, counted)


def plan(arrived: Sequence[Arrival], known: Sequence[CountedClick]) -> Plan:
    """Return where clicks will be the first ones, given those that are so far."""
    before: dict[Person, list[CountedClick]] = defaultdict(list)
    for visit in known:
        before[visit.business_id, visit.profile_key].append(visit)
    clicks: Counter[Person] = Counter()
    leading: set[Person] = set()
    for arrival in arrived:
        if arrival.counted.is_visit and arrival.counted.is_recipients:
            person = arrival.person
            clicks[person] += 1
            # Most who have clicked before change nothing: they are spared the search below.
            if person not in before or not is_repeated(arrival.counted, before[person]):
                leading.add(person)
    several = frozenset(person for person in leading if clicks[person] > 1 or person in before)
    expected = _expected(arrived, several, before)
    # A click on a shared link has no person yet, and so none before it.
    leads = [not arrival.counted.is_recipients or arrival.person in leading for arrival in arrived]
    firsts = [
        _planned(arrival, expected.get(number), is_leading=leads[number]) for number, arrival in enumerate(arrived)
    ]
    return Plan(firsts, [visit for person in several for visit in before.get(person, ())], several)


def _expected(
    arrived: Iterable[Arrival], several: frozenset[Person], before: Mapping[Person, list[CountedClick]]
) -> dict[int, int]:
    """Return where clicks, by their numbers, will be the first ones of people who have several."""
    of_person: dict[Person, list[tuple[int, CountedClick]]] = defaultdict(list)
    for number, arrival in enumerate(arrived):
        if arrival.counted.is_visit and arrival.person in several:
            of_person[arrival.person].append((number, arrival.counted))
    return {
        number: firsts
        for person, some in of_person.items()
        for (number, _), firsts in zip(
            some, firsts_of([visit for _, visit in some], before.get(person, ())), strict=False
        )
    }


def _planned(arrival: Arrival, expected: int | None, *, is_leading: bool) -> int | None:
    """Return where a click will be the first one, None where it is no visit; expected is what was searched for."""
    if not arrival.counted.is_visit or expected is not None:
        return expected
    return arrival.counted.everywhere if is_leading else 0
