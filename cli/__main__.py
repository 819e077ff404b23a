"""Runs the `clicktrail` command: what it cannot do becomes one line and an exit code, never a traceback."""

import sys

from cli.app import app
from cli.embedded.errors import ServerFailed
from cli.failures import CommandFailed, ExitCode


def main() -> None:
    """Run the command that the arguments name."""
    try:
        app(prog_name="clicktrail")
    except CommandFailed as failure:
        sys.exit(_tell(failure, failure.exit_code))
    except ServerFailed as failure:
        sys.exit(_tell(failure, ExitCode.FAILED))


def _tell(failure: Exception, exit_code: ExitCode) -> ExitCode:
    print(f"clicktrail: {failure}", file=sys.stderr)  # noqa: T201  (the one line for the person at the terminal)
    return exit_code


if __name__ == "__main__":
    main()
