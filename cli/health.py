"""Asks a service whether it can serve, at one look."""

from typing import Annotated

import typer

from cli.failures import CommandFailed, ExitCode
from common.probe import NotServingError, require_serving


def serves(target: str, timeout_seconds: float = 1.0) -> bool:
    """Tell whether a target serves: `HOST:PORT` of a gRPC server, or an http address."""
    try:
        require_serving(target, timeout_seconds)
    except NotServingError:
        return False
    return True


def healthcheck(
    target: Annotated[str, typer.Argument(help="`HOST:PORT` of a gRPC server, or an http address.")],
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="How long to wait, in seconds.")] = 3.0,
    tls: Annotated[
        str | None,
        typer.Option(help="Ask a gRPC server by TLS, with the certificate of this folder.", metavar="FOLDER"),
    ] = None,
) -> None:
    """Exit with 0 if a service can serve, else with 3."""
    try:
        require_serving(target, timeout, tls)
    except NotServingError as error:
        raise CommandFailed(f"{target} does not serve: {error}", ExitCode.UNAVAILABLE) from None
    except ValueError as error:
        raise CommandFailed(str(error), ExitCode.USAGE) from None
