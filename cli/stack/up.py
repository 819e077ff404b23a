"""Runs everything on this machine until it is told to stop."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.data_directory import DataDirectory, Ready
from cli.stack.stack import Front, Stack
from cli.stack.supervisor import StopRequested, keep_running, stop_signals_raise
from common.logging import LogLevel, configure_logging

console = Console(stderr=True)


def up(
    *,
    data_dir: Annotated[
        Path, typer.Option(envvar="CLICKTRAIL_DATA_DIR", help="Where all data is kept; made if it is not there.")
    ] = Path("var"),
    http_port: Annotated[int, typer.Option(min=1, max=65535, help="The port that people reach.")] = 8080,
    http_host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    public_url: Annotated[
        str | None,
        typer.Option(
            envvar="CLICKTRAIL_PUBLIC_URL",
            help="The base of short URLs.",
            show_default="http://HOST:PORT",
            metavar="URL",
        ),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(envvar="CLICKTRAIL_LOG_LEVEL", help="How much is logged.")] = "info",
) -> None:
    """Run Clicktrail on this machine, its Redis and PostgreSQL included, until interrupted.

    When all is ready, `DATA_DIR/ready.json` says where everything is reached. What ends by itself is started again.
    A second interrupt hurries the stop. Nothing is lost between runs.
    """
    configure_logging(service="up", level=log_level, log_format="auto")
    data = DataDirectory(data_dir)
    front = Front(http_host, http_port, public_url)
    # On data that is there already, it is first told where another one runs on it: that one has the port.
    if not data.is_made():
        front.check_port()
    data.make()
    with data.locked(), stop_signals_raise():
        run_until_stopped(data, Stack(data, front))


def run_until_stopped(data: DataDirectory, stack: Stack) -> None:
    """Start a stack, announce it, watch it, and stop it however this ends."""
    data.withdraw()
    try:
        ready = stack.start(lambda step: console.print(f"[dim]· {step}[/dim]"))
        data.announce(ready, stack.postgres_url)
        _show(ready, data)
        keep_running(stack.servers)
    except StopRequested:
        console.print("[dim]· stopping; once more to hurry[/dim]")
    finally:
        data.withdraw()
        stop(stack)


def stop(stack: Stack) -> None:
    """Stop a stack in order, or at once when a second signal asks for it."""
    try:
        stack.stop()
    except StopRequested:
        console.print("[dim]· hurrying[/dim]")
        stack.hurry()


def _show(ready: Ready, data: DataDirectory) -> None:
    """Say where everything is, a line each however narrow the terminal: lines are to be copied."""
    lines = {
        "open": ready.links[0].short_url,
        "HTTP": ready.http,
        "gRPC": f"shortener {ready.shortener}, tracking {ready.tracking}",
        "business": f"{ready.business}; its token is in {data.path / 'ready.json'}",
        "report": f"clicktrail report --campaign spring-sale --data-dir {shlex.quote(str(data.path))}",
        "logs": str(data.logs),
    }
    console.print("[bold]Clicktrail is ready[/bold]")
    for name, text in lines.items():
        console.print(f" {name:<9} {text}", soft_wrap=True, markup=False)
