"""Finds the services and the business that a command is for: options, the environment, or a running stack."""

from pathlib import Path
from typing import Annotated

import typer

from cli.data_directory import DataDirectory
from cli.failures import CommandFailed, ExitCode

DEFAULT_SHORTENER = "127.0.0.1:7001"
DEFAULT_TRACKING = "127.0.0.1:7002"

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="CLICKTRAIL_DATA_DIR",
        help="Take addresses and business from the stack that `clicktrail up` runs on this directory.",
        show_default=False,
    ),
]
Business = Annotated[
    str | None,
    typer.Option(
        "--business", envvar="CLICKTRAIL_BUSINESS", help="The business's public id.", metavar="ID", show_default=False
    ),
]
Shortener = Annotated[
    str | None,
    typer.Option(
        "--shortener",
        envvar="CLICKTRAIL_SHORTENER_TARGET",
        help="The shortener's gRPC address.",
        metavar="HOST:PORT",
        show_default=DEFAULT_SHORTENER,
    ),
]
Tracking = Annotated[
    str | None,
    typer.Option(
        "--tracking",
        envvar="CLICKTRAIL_TRACKING_TARGET",
        help="The tracking service's gRPC address.",
        metavar="HOST:PORT",
        show_default=DEFAULT_TRACKING,
    ),
]


def shortener_address(given: str | None, data_dir: Path | None) -> str:
    """Return the shortener's address: the one given, the running stack's, or the default."""
    if given:
        return given
    return DataDirectory(data_dir).read_ready().shortener if data_dir else DEFAULT_SHORTENER


def tracking_address(given: str | None, data_dir: Path | None) -> str:
    """Return the tracking service's address: the one given, the running stack's, or the default."""
    if given:
        return given
    return DataDirectory(data_dir).read_ready().tracking if data_dir else DEFAULT_TRACKING


def business_id(given: str | None, data_dir: Path | None) -> str:
    """Return the business: the one given, or the running stack's demo business."""
    if given:
        return given
    if data_dir:
        return DataDirectory(data_dir).read_ready().business
    raise CommandFailed(
        "Name the business with --business ID, or the directory of a running stack with --data-dir.", ExitCode.USAGE
    )
