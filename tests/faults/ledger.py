"""The ledger: what the clients saw against what the stores have. Every line must hold."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.faults.record import Record
from tests.faults.recount import EARNING, differences
from tests.faults.stores import Rows

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that must hold, and whether it does."""

    what: str
    found: str
    is_right: bool
    details: Sequence[str] = ()
    is_acknowledged_loss: bool = False
    """Whether a Redis that answers before it writes is allowed to break this line."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """All lines of a run."""

    lines: tuple[Line, ...]

    def wrong(self, *, may_lose: bool = False) -> list[Line]:
        """Return the lines that do not hold, but for losses that may be."""
        return [line for line in self.lines if not line.is_right and not (may_lose and line.is_acknowledged_loss)]

    def text(self) -> str:
        """Return a table."""
        width = max(len(line.what) for line in self.lines)
        shown = []
        for line in self.lines:
            shown.append(f"{'ok   ' if line.is_right else 'WRONG'}  {line.what:<{width}}  {line.found}")
            shown += [f"         {detail}" for detail in line.details[:EXAMPLES]]
        return "\n".join(shown)


def draw(record: Record, rows: Rows, clicks_in_outbox: int) -> Ledger:
    """Compare what the clients saw with the rows, and the rows with their counters."""
    return Ledger(
        (
            *_of_clicks(record, rows, clicks_in_outbox),
            *_of_events(record, rows),
            *_of_counters(record, rows),
            none("marks of visitors to be decided again", ["there are"] * rows.marks),
            none("things set aside", [f"{row['kind']} {row['item']}: {row['reason']}" for row in rows.rejected]),
            none("answers that no client should see", record.surprises),
        )
    )


def none(what: str, found: Iterable[object], *, is_acknowledged_loss: bool = False) -> Line:
    """Return the line of what must not be there at all."""
    details = [str(one) for one in found]
    return Line(what, f"{len(details):,}", not details, details, is_acknowledged_loss)


def _of_clicks(record: Record, rows: Rows, waiting: int) -> Iterable[Line]:
    humans = [row for row in rows.clicks if row["session"] is not None]
    stored = Counter(row["session"] for row in humans)
    campaigns = {row["session"]: row["campaign"] for row in humans}
    minted = {row["id"] for row in rows.sessions if row["click_id"] is not None}
    seen = record.sessions
    yield none("sessions given to two clicks", record.session_twice)
    yield none("sessions seen in a Location and not stored", seen.keys() - stored.keys(), is_acknowledged_loss=True)
    yield none("clicks stored more than once", [session for session, times in stored.items() if times > 1])
    yield none("click ids stored more than once", _repeated(row["id"] for row in rows.clicks))
    yield none("clicks stored without their session", stored.keys() - minted)
    wrong = [one for one, campaign in seen.items() if campaigns.get(one, campaign) != campaign]
    yield none("clicks stored for another campaign", wrong)
    unsure = record.clicks_without_answer + record.clicks_refused
    yield _between("clicks", len(seen), len(humans), waiting, unsure)
    crawled = len(rows.clicks) - len(humans)
    yield _between("hits of crawlers", record.bots_redirected, crawled, 0, record.bots_without_redirect)


def _between(what: str, seen: int, stored: int, waiting: int, unsure: int) -> Line:
    """Return the line of what must lie between those seen and those that may have been."""
    found = f"{seen:,} ≤ {stored:,} + {waiting:,} ≤ {seen:,} + {unsure:,}"
    name = f"{what}: seen ≤ stored + outbox ≤ seen + without answer"
    at_most = stored + waiting <= seen + unsure
    return Line(name, found, at_most and seen <= stored + waiting, is_acknowledged_loss=at_most)


def _of_events(record: Record, rows: Rows) -> Iterable[Line]:
    ids = {row["key"]: str(row["id"]) for row in rows.events}
    acknowledged = record.acknowledged
    counts = f"{len(acknowledged):,} ⊆ {len(ids):,} ⊆ {len(record.events):,}"
    is_so = acknowledged.keys() <= ids.keys() <= record.events.keys()
    yield Line("events: acknowledged ⊆ stored ⊆ sent", counts, is_so, sorted(acknowledged.keys() - ids.keys()))
    yield none("events stored more than once", _repeated(row["key"] for row in rows.events))
    changed = [key for key, id_ in acknowledged.items() if ids.get(key, id_) != id_]
    yield none("events with another id than acknowledged", [*changed, *record.changed_ids])


def _of_counters(record: Record, rows: Rows) -> Iterable[Line]:
    for table, found in differences(rows).items():
        yield none(f"differences of {table} from a recount", found)
    counted: Counter[str] = Counter()
    for row in rows.event_counts:
        if row["scope"] == "business":
            counted[row["currency"]] += int(row["revenue"])
    sent: Counter[str] = Counter()
    for row in rows.events:
        event = record.events.get(row["key"])
        if event is not None and row["action"] in EARNING:
            sent[event.currency] += event.amount_minor
    money = ", ".join(f"{currency} {minor:,}" for currency, minor in sorted(sent.items()))
    yield Line("revenue counted = amounts that the clients sent", f"{money} in minor units", +counted == +sent)


def _repeated(values: Iterable[object]) -> list[object]:
    return [value for value, times in Counter(values).items() if times > 1]
