"""Caps how many different values visitors can bring into the breakdowns of a business: each is rows for good."""

from collections import OrderedDict, defaultdict
from datetime import date, datetime
from typing import Any

from tracking_service.counters.breakdowns import Origin

OTHER = "other"
# Of a business in a day, by dimension: far more than a campaign has, and more than reports show. Visitors cannot make
# up where their addresses are, or what kinds of devices there are.
MOST_A_DAY = {"browser": 200, "os": 100, "language": 200, "referrer": 500}
# Days of businesses that are remembered; what is forgotten begins anew.
REMEMBERED = 5_000

Values = defaultdict[str, set[str]]
"""The values that there were, by dimension."""


class ValueCaps:
    """The values that each business's clicks of each day had; those beyond the caps are told as "other".

    It is asked before a click is kept, and the click is kept with the answer: so a recount finds the same. Each process
    has caps of its own, and begins anew with each start.
    """

    def __init__(self) -> None:
        self._days: OrderedDict[tuple[str, date, bool], Values] = OrderedDict()

    def capped(self, business_id: str, at: datetime, origin: Origin, *, is_human: bool) -> Origin:
        """Return what a click came from, with "other" for values that are one too many.

        Those of crawlers are apart: they are not to use up what people have.
        """
        values = self._of(business_id, at.date(), is_human=is_human)
        beyond: dict[str, Any] = {}
        for dimension, most in MOST_A_DAY.items():
            known, value = values[dimension], getattr(origin, dimension)
            if value in known:
                continue
            if len(known) < most:
                known.add(value)
            else:
                beyond[dimension] = OTHER
        return origin._replace(**beyond) if beyond else origin

    def _of(self, business_id: str, day: date, *, is_human: bool) -> Values:
        key = business_id, day, is_human
        values = self._days.get(key)
        if values is None:
            values = self._days[key] = defaultdict(set)
            if len(self._days) > REMEMBERED:
                self._days.popitem(last=False)
        else:
            self._days.move_to_end(key)
        return values
