"""Reads times from the command line."""

from datetime import UTC, datetime, tzinfo

from google.protobuf.timestamp_pb2 import Timestamp

from cli.failures import CommandFailed, ExitCode
from common.clock import to_timestamp


def time_of(option: str, text: str, zone: tzinfo = UTC) -> Timestamp:
    """Return the time that an option names; one without an offset is in this time zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandFailed(
            f"{option}: {text!r} is no time, such as 2026-05-01 or 2026-05-01T09:30.", ExitCode.USAGE
        ) from None
    return to_timestamp(at if at.tzinfo else at.replace(tzinfo=zone))
