"""A rival's web server, as a program that is started like our own servers."""

import signal
from collections.abc import Callable, Mapping, Sequence
from urllib.request import urlopen


class WebProgram:
    """A server of HTTP that is ready when `/readyz` answers; without an environment of its own it has ours."""

    stop_signal = signal.SIGTERM
    directory = None

    def __init__(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        environment: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment

    def prepare(self) -> None:
        """Make nothing."""

    def command(self, port: int) -> Sequence[str]:
        """Return the command line."""
        return self._command(port)

    def environment(self, port: int) -> Mapping[str, str] | None:  # noqa: ARG002  (the same on each port)
        """Return the environment."""
        return self._environment() if self._environment else None

    def configuration(self, port: int) -> bytes:  # noqa: ARG002  (it reads none)
        """Say nothing."""
        return b""

    def url(self, port: int) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{port}"

    def answers(self, port: int, pid: int) -> bool:  # noqa: ARG002  (nobody else has its port)
        """Tell whether it answers."""
        try:
            with urlopen(f"{self.url(port)}/readyz", timeout=1) as answer:  # noqa: S310  (our own address)
                return bool(answer.status == 200)  # noqa: PLR2004  (OK)
        except OSError:
            return False
