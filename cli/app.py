"""Lists the commands of `clicktrail`."""

from typing import Annotated

import typer
from typer.core import TyperCommand

from cli import accounts, connections, health
from cli.commands import Commands
from cli.demo import demo
from cli.links import domains, links
from cli.operations import backup, hosts, keys, migrate, reconcile, rejected, rejudge, restore
from cli.reports import report, report_link
from cli.stack import up

app = Commands(
    help="Clicktrail: short links, their clicks, and what they lead to.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(*, is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version  # noqa: PLC0415  (a tenth of what a command imports)

        typer.echo(f"clicktrail {version('clicktrail')}")
        raise typer.Exit


@app.callback()
def clicktrail(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Clicktrail: short links, their clicks, and what they lead to."""


app.command("up")(up.up)
app.command("demo")(demo.demo)
app.add_typer(links.app, name="links")
app.add_typer(domains.app, name="domain")
app.add_typer(hosts.app, name="hosts")
app.add_typer(connections.app, name="connection")
app.command("report")(report.report)
app.command("report-link")(report_link.report_link)
app.command("reconcile")(reconcile.reconcile)
app.command("rejected")(rejected.rejected)
app.command("rejudge")(rejudge.rejudge)
app.add_typer(accounts.business_app, name="business")
app.add_typer(accounts.token_app, name="token")
app.command("keys")(keys.keys)
app.command("migrate")(migrate.migrate)
app.command("backup")(backup.backup)
app.command("restore")(restore.restore)
# What the environment says is not looked at: a container that runs in spite of a misspelt setting is healthy.
app.command("healthcheck", cls=TyperCommand)(health.healthcheck)
