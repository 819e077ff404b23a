"""What arrives with a delivery's clicks: what is derived of them, and where they will be their visitors' first ones."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tracking_service.clicks.delivery import Click
from tracking_service.clicks.origins import Origins
from tracking_service.counters.breakdowns import Origin
from tracking_service.counters.first_clicks import Visit, everywhere, firsts_of, is_repeated
from tracking_service.counters.tally import CountedClick

Person = tuple[str, int | None]
"""Business, and profile's surrogate; None for nobody."""


class Arrival(NamedTuple):
    """A click that was delivered, with what is derived of it; recipient is its link's, by surrogate."""

    click: Click
    origin: Origin
    packed: str
    recipient: int | None
    is_visit: bool
    """Whether it is to mint a session, as each click of a person is."""

    @property
    def person(self) -> Person:
        """Return whose link was clicked."""
        return self.click.business_id, self.recipient

    def visit(self, firsts: int = 0) -> Visit:
        """Return what its session says of it, where nobody knew that session before."""
        click = self.click
        return Visit(
            click.business_id, click.session or "", self.recipient, click.clicked_at, click.id, click.link_created_at,
            click.link, click.campaign, click.journey, click.message, self.packed, self.recipient is not None, firsts,
        )  # fmt: skip

    def counted(self, *, is_first: bool) -> CountedClick:
        """Return what is counted of it, where it was not known."""
        click = self.click
        return CountedClick(
            business_id=click.business_id,
            link=click.link,
            campaign=click.campaign,
            journey=click.journey,
            message=click.message,
            clicked_at=click.clicked_at,
            link_created_at=click.link_created_at,
            origin=self.packed,
            is_recipients=self.recipient is not None,
            is_human=click.is_human,
            has_session=click.session is not None,
            is_first=is_first,
        )


class Plan(NamedTuple):
    """Where clicks will be the first ones, unless one of them or its session turns out to be known."""

    firsts: Sequence[int | None]
    """Of each click that arrives; None where it is no visit."""
    known: Sequence[Visit]
    """The first clicks so far of `several`."""
    several: frozenset[Person]
    """People whose first clicks are to be told from others, of now or of before."""


def arrivals(clicks: Iterable[Click], keys: Mapping[tuple[str, str], int | None], origins: Origins) -> list[Arrival]:
    """Return clicks with what is derived of them, each once; keys are the surrogates of recipients."""
    return [_arrival(click, keys, origins) for click in {click.key: click for click in clicks}.values()]


def _arrival(click: Click, keys: Mapping[tuple[str, str], int | None], origins: Origins) -> Arrival:
    origin, is_visit = origins.of(click), click.session is not None and click.is_human
    recipient = None
    if click.profile is not None:
        recipient = keys[click.business_id, click.profile]
        if recipient is None:
            # Of someone who was erased nothing is kept that could tell who it was.
            click = click._replace(query="", address="", user_agent="", referrer="", accept_language="")
    return Arrival(click, origin, origin.packed(click.verdict), recipient, is_visit)


def plan(arrived: Sequence[Arrival], known: Sequence[Visit]) -> Plan:
    """Return where clicks will be the first ones, given those that are so far."""
    before: dict[Person, list[Visit]] = defaultdict(list)
    for visit in known:
        before[visit.business_id, visit.profile_key].append(visit)
    clicks: Counter[Person] = Counter()
    leading: set[Person] = set()
    for arrival in arrived:
        if arrival.is_visit and arrival.recipient is not None:
            person = arrival.person
            clicks[person] += 1
            # Most who have clicked before change nothing: they are spared the search below.
            if person not in before or not is_repeated(arrival.visit(), before[person]):
                leading.add(person)
    several = frozenset(person for person in leading if clicks[person] > 1 or person in before)
    expected = _expected(arrived, several, before)
    firsts = [
        _planned(arrival, expected.get(number), is_leading=arrival.recipient is None or arrival.person in leading)
        for number, arrival in enumerate(arrived)
    ]
    return Plan(firsts, [visit for person in several for visit in before.get(person, ())], several)


def _expected(
    arrived: Iterable[Arrival], several: frozenset[Person], before: Mapping[Person, list[Visit]]
) -> dict[int, int]:
    """Return where clicks, by their numbers, will be the first ones of people who have several."""
    of_person: dict[Person, list[tuple[int, Visit]]] = defaultdict(list)
    for number, arrival in enumerate(arrived):
        if arrival.is_visit and arrival.person in several:
            of_person[arrival.person].append((number, arrival.visit()))
    return {
        number: firsts
        for person, some in of_person.items()
        for (number, _), firsts in zip(
            some, firsts_of([visit for _, visit in some], before.get(person, ())), strict=False
        )
    }


def _planned(arrival: Arrival, expected: int | None, *, is_leading: bool) -> int | None:
    """Return where a click will be the first one, None where it is no visit; expected is what was searched for."""
    if not arrival.is_visit or expected is not None:
        return expected
    return _everywhere(arrival) if is_leading else 0


def _everywhere(arrival: Arrival) -> int:
    click = arrival.click
    return everywhere(
        campaign=click.campaign is not None,
        journey=click.journey is not None,
        message=click.message is not None,
        own=arrival.recipient is not None,
    )
