"""Shows the whole trail once: links, clicks, events, a report."""

from pathlib import Path
from tempfile import TemporaryDirectory

from cli.calls import run
from cli.data_directory import DataDirectory, DemoLink, Ready
from cli.demo.trail import Click, Trail, walk
from cli.reports.report import fetch_report
from cli.reports.tables import show_report
from cli.stack.demo_business import BUSINESS, CAMPAIGN, DESTINATION
from cli.stack.stack import Front, Stack
from cli.stack.supervisor import StopRequested, stop_signals_raise
from cli.stack.up import stop
from cli.terminal import TextTable, console
from clicktrail.tracking.v1 import report_service_pb2

_LINKS_SHOWN = 5


def demo() -> None:
    """Bring everything up for a moment, send clicks and events, and show the trail they leave.

    Exits with 0 when the report shows all of it, else with 1 and what is missing. Leaves nothing behind.
    """
    with TemporaryDirectory(prefix="clicktrail-demo-") as folder, stop_signals_raise():
        data = DataDirectory(Path(folder))
        data.make()
        stack = Stack(data, Front())
        try:
            _show_trail_of(stack)
        except StopRequested:
            raise KeyboardInterrupt from None
        finally:
            stop(stack)


def _show_trail_of(stack: Stack) -> None:
    with console.status("starting") as status:
        ready = stack.start(status.update)
        status.update("clicking, browsing, buying")
        trail = walk(ready)
    console.print(_links(ready.links))
    console.print(_clicks(trail.clicks))
    console.print(_activities(trail, ready))
    request = report_service_pb2.GetReportRequest(business_id=BUSINESS, campaign=CAMPAIGN)
    tracking = stack.tracking_endpoint
    show_report(run(fetch_report(tracking, request), tracking))
    console.print("[bold green]The trail is complete.[/bold green] Keep it running with: clicktrail up")


def _links(links: list[DemoLink]) -> TextTable:
    table = TextTable(f"1. Links of {CAMPAIGN}, all to {DESTINATION}", "recipient", "short URL")
    for link in links[:_LINKS_SHOWN]:
        table.add_texts(link.profile, link.short_url)
    table.add_texts(f"… {len(links) - _LINKS_SHOWN} more", "")
    return table


def _clicks(clicks: list[Click]) -> TextTable:
    table = TextTable("2. Clicks, each person with a session of their own", "who", "link of", "redirected to")
    for click in clicks:
        table.add_texts(click.visitor, click.link.profile, click.answer.location or "")
    return table


def _activities(trail: Trail, ready: Ready) -> TextTable:
    table = TextTable(f"3. What {ready.links[0].profile} did", "when", "action", "session", "amount")
    for activity in trail.activities:
        amount = activity.get("amount")
        shown = f"{amount['amount']} {amount['currency']}" if amount else ""
        table.add_texts(activity["occurred_at"], activity["action"], activity.get("session") or "", shown)
    return table
