"""Ends a command with one clear line and an exit code that says whose turn it is."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit code tells a script."""

    FAILED = 1
    """Something of what was asked could not be done."""
    USAGE = 2
    """The command line, a file or a setting is wrong."""
    UNAVAILABLE = 3
    """A service is away, or does not allow it with this key; the same command may work later, or with another."""


class CommandFailed(Exception):  # noqa: N818  (named for the situation)
    """A command cannot go on; the message is for the person who typed it."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
