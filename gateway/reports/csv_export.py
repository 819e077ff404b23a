"""Reports and recipients as CSV that spreadsheets take for what it is."""

import re
from collections.abc import Iterable, Iterator

from clicktrail.common.v1.types_pb2 import Money
from clicktrail.tracking.v1.event_pb2 import Credential
from clicktrail.tracking.v1.report_service_pb2 import Earned, RecipientActivity, Report
from common.clock import from_timestamp, to_rfc3339

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"
# Spreadsheets take UTF-8 for what it is only where it begins so.
MARK = "\ufeff"

# What spreadsheets compute, also behind white space that they leave out, and behind what separates cells elsewhere: a
# country that writes 1,5 separates them by a semicolon. A number, below zero too, and an amount are no formulas.
_SEPARATORS = ";|\t\r\n"
_AMOUNT = r"-\d+(?:\.\d+)? [A-Z]{3}(?:;|$)"
_FORMULA = re.compile(
    rf"(?:^|[{_SEPARATORS}])[\s\u200b-\u200f\u2060\ufeff]*(?!{_AMOUNT})[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]"
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_QUOTED = re.compile(r'[",\r\n]')
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)
_NAME_LENGTH = 80

Cell = str | int | float | None

SCOPES = ("campaign", "journey", "message", "link")
REPORT_COLUMNS = ("section", "item", "figure", "value", "currency")
RECIPIENT_COLUMNS = (
    "profile", "name", "link", "first_clicked_at", "device", "browser", "os", "country", "clicks", "conversions",
    "revenue", "taken_back",
)  # fmt: skip

_COUNTS = ("clicks", "unique_clickers", "clicked_recipients", "bot_hits", "sessions", "conversions")
_TOTALS = ("recipients", *_COUNTS, "click_through_rate", "conversion_rate")
_TIMES = ("time_to_click", "time_to_conversion")
_AMOUNTS = ("revenue", "taken_back")
_PROVENANCES = ("confirmed", "reported", "unconfirmed")

Row = tuple[Cell, ...]


def line(cells: Iterable[Cell]) -> str:
    """Return one line, its end included. None is an empty cell."""
    return ",".join(map(_cell, cells)) + "\r\n"


def attachment(*words: str) -> str:
    """Return a `Content-Disposition` that saves the answer under a name made of these words."""
    stem = "-".join(filter(None, (_UNSAFE_IN_NAME.sub("_", word).strip("._-") for word in words)))
    return f'attachment; filename="{stem[:_NAME_LENGTH]}.csv"'


def _cell(value: Cell) -> str:
    text = "" if value is None else str(value)
    if not _NUMBER.fullmatch(text):
        text = _FORMULA.sub(_marked, text)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _marked(found: re.Match[str]) -> str:
    """Return the beginning of a formula as a text: its mark stands behind what separates it from the cell before."""
    separator = found[0][:1] if found[0][:1] in _SEPARATORS and found.start() else ""
    return f"{separator}'{found[0][len(separator) :]}"


def scope_of(report: Report) -> tuple[str, str]:
    """Return the kind and the id of what a report is about; ("business", "") for all of it."""
    found = ((kind, str(getattr(report, kind))) for kind in SCOPES if getattr(report, kind))
    return next(found, ("business", ""))


def report_rows(report: Report) -> Iterator[Row]:
    """Yield a report, one figure a row, so that a pivot table takes any part of it; behind its columns."""
    yield REPORT_COLUMNS
    kind, scope_id = scope_of(report)
    yield ("report", kind, "id", scope_id, None)
    for name, stamp in (("from", report.from_time), ("to", report.to_time)):
        yield ("report", kind, name, to_rfc3339(from_timestamp(stamp)), None)
    yield ("report", kind, "timezone", report.timezone, None)
    totals = report.totals
    yield from (("totals", None, name, getattr(totals, name), None) for name in _TOTALS)
    yield from (
        ("totals", None, name, getattr(totals, name), None)
        for name in _TIMES
        if totals.HasField(name)  # type: ignore[arg-type]  # names of fields
    )
    yield from _money("totals", None, totals)
    for counted in report.events:
        yield ("events", counted.action, "count", counted.count, None)
        yield from (("events", counted.action, "revenue", one.amount, one.currency) for one in counted.revenue)
    for point in report.series:
        at = to_rfc3339(from_timestamp(point.time))
        yield from (("series", at, name, getattr(point, name), None) for name in _COUNTS)
        yield from _money("series", at, point)
    for refused in report.refused_requests:
        credential = Credential.Name(refused.credential).removeprefix("CREDENTIAL_").lower()
        yield ("refused_requests", f"{refused.kind} {credential}", "count", refused.count, None)
    for field, values in report.breakdowns.ListFields():
        for value in values:
            yield (field.name, value.value, "clicks", value.clicks, None)
            yield (field.name, value.value, "unique_clickers", value.unique_clickers, None)


def recipient_row(recipient: RecipientActivity) -> Row:
    """Return what a recipient did, as a row below the columns of recipients."""
    has_clicked = recipient.HasField("first_clicked_at")
    return (
        recipient.profile,
        recipient.name,
        recipient.link,
        to_rfc3339(from_timestamp(recipient.first_clicked_at)) if has_clicked else None,
        recipient.device,
        recipient.browser,
        recipient.os,
        recipient.country,
        recipient.clicks,
        recipient.conversions,
        _amounts(recipient.revenue),
        _amounts(recipient.taken_back),
    )


def _money(section: str, item: str | None, figures: object) -> Iterator[Row]:
    for name in _AMOUNTS:
        amounts: Iterable[Money] = getattr(figures, name)
        yield from ((section, item, name, one.amount, one.currency) for one in amounts)
    for provenance in _PROVENANCES:
        earned: Earned = getattr(figures, provenance)
        yield (section, item, f"{provenance}_conversions", earned.conversions, None)
        yield from ((section, item, f"{provenance}_revenue", one.amount, one.currency) for one in earned.revenue)


def _amounts(amounts: Iterable[Money]) -> str:
    """Return amounts as text, such as "395.00 USD; 10.00 EUR"."""
    return "; ".join(f"{one.amount} {one.currency}" for one in amounts)
