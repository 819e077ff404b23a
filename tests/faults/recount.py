"""Counts again from raw rows, by the rules as they are written down, with no line of the code that is judged."""

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.faults.stores import Rows

if TYPE_CHECKING:
    from tests.faults.stores import Row

Counts = dict[tuple[Any, ...], tuple[int, ...]]
"""Figures by what they are counted for; rows of zeros alone are left out."""

COHORT = " cohort"
DAY = " day"
QUARTER = timedelta(minutes=15)
TOLERANCE = timedelta(hours=24)
WINDOW = timedelta(days=7)
# Of what the visitors of these runs do, this earns.
EARNING = ("order.placed", "product.purchased")
LAST_ID = UUID(int=2**128 - 1)
_START = datetime(2000, 1, 1, tzinfo=UTC)


def differences(rows: Rows) -> dict[str, list[str]]:
    """Return, for each table of counters, every figure that a recount gives otherwise."""
    counts, verdicts = _click_counts(rows)
    return {
        "click_counts": _compare(
            counts,
            rows.click_counts,
            ("scope", "scope_id", "bucket"),
            ("clicks", "unique_clickers", "bot_hits", "sessions", "clicked_recipients"),
        ),
        "breakdown_counts": _compare(
            verdicts,
            _by_verdict(rows.breakdown_counts),
            ("scope", "scope_id", "bucket", "value"),
            ("clicks", "unique_clickers"),
        ),
        "event_counts": _compare(
            _event_counts(rows),
            rows.event_counts,
            ("scope", "scope_id", "bucket", "action", "currency"),
            ("events", "conversions", "revenue"),
        ),
    }


def _compare(
    recounted: Counts, table: "Iterable[Row | Mapping[str, Any]]", keys: tuple[str, ...], figures: tuple[str, ...]
) -> list[str]:
    counted: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for row in table:
        key = tuple(row[name] for name in keys)
        before = counted.get(key, (0,) * len(figures))
        counted[key] = tuple(known + int(row[figure]) for known, figure in zip(before, figures, strict=True))
    wrong = [key for key in counted.keys() | recounted.keys() if _figures(counted, key) != _figures(recounted, key)]
    return [f"{key}: counted {counted.get(key)}, recounted {recounted.get(key)}" for key in wrong]


def _by_verdict(breakdowns: "Iterable[Row]") -> "Iterator[Mapping[str, Any]]":
    """Yield the rows of verdicts; those of a recipient's link stand first in a list of all that is known of a click."""
    for row in breakdowns:
        if row["scope"].endswith(DAY):  # The same once more.
            continue
        if row["dimension"] == "verdict":
            yield dict(row)
        elif row["dimension"] == "packed":
            yield dict(row) | {"value": json.loads(row["value"])[0]}


def _figures(counts: Mapping[tuple[Any, ...], tuple[int, ...]], key: tuple[Any, ...]) -> tuple[int, ...] | None:
    found = counts.get(key)
    return found if found is not None and any(found) else None


def _click_counts(rows: Rows) -> tuple[Counts, Counts]:
    """Return the counts of clicks, and those by verdict."""
    owners = {row["id"]: row["profile_key"] for row in rows.sessions}
    counts: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    verdicts: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    firsts: dict[tuple[Any, ...], tuple[datetime, UUID, datetime]] = {}
    owns: dict[tuple[Any, ...], tuple[datetime, datetime, datetime]] = {}
    for click in rows.clicks:
        is_human = click["verdict"] == "human"
        person = click["profile_key"] or owners.get(click["session"])
        visitor = person or click["session"]
        for scope, scope_id, at in _scopes(click, click["clicked_at"]):
            figures = counts[scope, scope_id, _bucket(at)]
            figures[0] += is_human
            figures[2] += not is_human
            figures[3] += click["session"] is not None
            verdicts[scope, scope_id, _bucket(at), click["verdict"]][0] += 1
            if is_human:
                first = (click["clicked_at"], click["id"], at)
                firsts[scope, scope_id, visitor] = min(firsts.get((scope, scope_id, visitor), first), first)
            if is_human and click["profile_key"]:
                own = (click["clicked_at"], click["link_created_at"], at)
                owns[scope, scope_id, visitor] = min(owns.get((scope, scope_id, visitor), own), own)
    for (scope, scope_id, _), (_, _, at) in firsts.items():
        counts[scope, scope_id, _bucket(at)][1] += 1
        verdicts[scope, scope_id, _bucket(at), "human"][1] += 1
    for (scope, scope_id, _), (_, _, at) in owns.items():
        counts[scope, scope_id, _bucket(at)][4] += 1
    return (
        {key: tuple(value) for key, value in counts.items()},
        {key: tuple(value) for key, value in verdicts.items()},
    )


def _event_counts(rows: Rows) -> Counts:
    """Return the counts of events, each credited to the click that it belongs to."""
    owners = {row["id"]: row["profile_key"] for row in rows.sessions}
    trail = _Trail(rows, owners)
    events: Counter[tuple[Any, ...]] = Counter()
    conversions: Counter[tuple[Any, ...]] = Counter()
    revenue: Counter[tuple[Any, ...]] = Counter()
    for event in rows.events:
        person = owners.get(event["session"]) or event["profile_key"]
        click = trail.click_of(event["session"], person, event["occurred_at"])
        earns = event["action"] in EARNING and bool(event["amount_minor"])
        currency = event["currency"] if earns else ""
        occurred_at = event["occurred_at"]
        for scope, scope_id, at in (
            _scopes(click, occurred_at) if click is not None else [("business", "", occurred_at)]
        ):
            key = (scope, scope_id, _bucket(at), event["action"], currency)
            events[key] += 1
            conversions[key] += earns
            revenue[key] += event["amount_minor"] if earns else 0
    return {key: (events[key], conversions[key], revenue[key]) for key in events}


class _Trail:
    """The clicks of each session and of each person, in the order of their times."""

    def __init__(self, rows: Rows, owners: Mapping[str, int | None]) -> None:
        self._of_session: dict[str, Row] = {}
        self._of_person: dict[int, list[Row]] = defaultdict(list)
        for click in sorted(rows.clicks, key=lambda row: (row["clicked_at"], row["id"])):
            if click["session"] is not None:
                self._of_session[click["session"]] = click
                owner = owners.get(click["session"])
                if owner is not None:
                    self._of_person[owner].append(click)

    def click_of(self, session: str | None, person: int | None, at: datetime) -> "Row | None":
        """Return the latest click that an event at this time can be credited to."""
        candidates = []
        own = self._of_session.get(session) if session is not None else None
        if own is not None and own["clicked_at"] <= at + TOLERANCE:
            candidates.append(own)
        if person is not None:
            clicks = self._of_person[person]
            before = bisect_right(clicks, (at, LAST_ID), key=lambda row: (row["clicked_at"], row["id"]))
            candidates += clicks[max(0, before - 1) : before]
        eligible = [click for click in candidates if at - click["clicked_at"] <= WINDOW]
        return max(eligible, key=lambda row: (row["clicked_at"], row["id"]), default=None)


def _scopes(click: "Row", at: datetime) -> Iterator[tuple[str, str, datetime]]:
    """Yield what something of a click counts for: at its own time, and at that of the creation of the click's link."""
    created_at = click["link_created_at"]
    yield "business", "", at
    yield "business" + COHORT, "", created_at
    if click["link"] is not None:
        yield "link", click["link"], at
    for scope in ("campaign", "journey", "message"):
        if click[scope] is not None:
            yield scope, click[scope], at
            yield scope + COHORT, click[scope], created_at


def _bucket(at: datetime) -> datetime:
    return at - (at - _START) % QUARTER
