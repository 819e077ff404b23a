"""Prints a report as tables."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from cli.terminal import TextTable, console
from clicktrail.common.v1 import types_pb2
from clicktrail.tracking.v1 import report_service_pb2
from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PRIVATE
from clicktrail.tracking.v1.refused_request_service_pb2 import RefusedRequests
from common.clock import from_timestamp

_SUBJECTS = ("campaign", "journey", "message", "link")


def show_report(report: report_service_pb2.Report) -> None:
    """Print the figures of the whole range, the events, and the points at which anything happened."""
    console.print(_totals(report))
    if report.events:
        console.print(_events(report.events))
    busy = [point for point in report.series if point.clicks or point.bot_hits or point.conversions]
    if report.refused_requests:
        console.print(_refused(report.refused_requests))
    if busy:
        console.print(_series(busy, ZoneInfo(report.timezone or "UTC")))


def money(amounts: Iterable[types_pb2.Money]) -> str:
    """Return amounts as text, such as "395.00 USD, 10.00 EUR"."""
    return ", ".join(f"{each.amount} {each.currency}" for each in amounts) or "-"


def _totals(report: report_service_pb2.Report) -> TextTable:
    named = next((f"{name} {getattr(report, name)}" for name in _SUBJECTS if report.HasField(name)), "whole business")  # type: ignore[arg-type]  # names of fields
    totals = report.totals
    table = TextTable(f"Report: {named}")
    table.add_text_column("figure")
    table.add_text_column("value", "right")
    for name, value in (
        ("recipients", f"{totals.recipients:,}"),
        ("clicks", f"{totals.clicks:,}"),
        ("unique clickers", f"{totals.unique_clickers:,}"),
        ("recipients who clicked", f"{totals.clicked_recipients:,}"),
        ("click-through rate", f"{totals.click_through_rate:.1%}"),
        ("bots and previews", f"{totals.bot_hits:,}"),
        ("sessions", f"{totals.sessions:,}"),
        ("conversions", f"{totals.conversions:,}"),
        ("conversion rate", f"{totals.conversion_rate:.1%}"),
        ("revenue", money(totals.revenue)),
        ("confirmed", _earned(totals.confirmed)),
        ("reported by pages", _earned(totals.reported)),
        ("unconfirmed, not counted", _earned(totals.unconfirmed)),
    ):
        table.add_texts(name, value)
    return table


def _earned(earned: report_service_pb2.Earned) -> str:
    return f"{earned.conversions:,}: {money(earned.revenue)}"


def _events(events: Iterable[report_service_pb2.ActionCount]) -> TextTable:
    table = TextTable("Events")
    table.add_text_column("action")
    table.add_text_column("count", "right")
    table.add_text_column("revenue", "right")
    for event in events:
        table.add_texts(event.action, f"{event.count:,}", money(event.revenue))
    return table


def _refused(kinds: Iterable[RefusedRequests]) -> TextTable:
    table = TextTable("Refused: more than the limits of the business allow")
    table.add_text_column("kind")
    table.add_text_column("from")
    table.add_text_column("count", "right")
    for one in kinds:
        table.add_texts(one.kind, "servers" if one.credential == CREDENTIAL_PRIVATE else "pages", f"{one.count:,}")
    return table


def _series(points: Iterable[report_service_pb2.Point], zone: ZoneInfo) -> TextTable:
    table = TextTable(f"Over time ({zone.key})")
    table.add_text_column("from")
    for name in ("clicks", "unique", "bots", "conversions", "revenue"):
        table.add_text_column(name, "right")
    for point in points:
        at = from_timestamp(point.time).astimezone(zone)
        counts = (point.clicks, point.unique_clickers, point.bot_hits, point.conversions)
        table.add_texts(f"{at:%Y-%m-%d %H:%M}", *(f"{count:,}" for count in counts), money(point.revenue))
    return table
