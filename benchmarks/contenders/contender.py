"""What all ways to redirect have in common, so that they are measured alike."""

from typing import Protocol

from benchmarks.contenders.processes import Parts

DESTINATION = "https://shop.example.com/p/1?ref=a"


class Contender(Protocol):
    """A running system that answers short links."""

    name: str
    url: str

    @property
    def parts(self) -> Parts:
        """The processes that do its work, by part."""

    @property
    def stored(self) -> int:
        """How many clicks it has kept since it was started."""

    def stop(self) -> None:
        """End it."""


class Missing(Exception):  # noqa: N818  (a tool is; that is no error)
    """A tool is not on this machine; says what brings it."""
