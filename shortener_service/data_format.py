"""Which releases may serve one Redis: what they write and tell each other of there has a number."""

from dataclasses import dataclass
from importlib.metadata import version

from shortener_service.store import UnsuitableStoreError


@dataclass(frozen=True, slots=True)
class DataFormat:
    """What a release writes and understands. Decision 0024 says when a number changes, and how."""

    writes: int
    """The format that it writes."""
    understands: int
    """The latest one that it understands; one more than it writes where the next release will write that."""
    beside: int
    """The oldest one whose releases understand what this one writes: they may still run, or be put back."""
    beside_release: str
    """The release that first wrote that one."""

    def check(self, kept: bytes | None) -> None:
        """Raise `UnsuitableStoreError` where Redis was last served by a release that does not go with this one.

        `kept` is the note of the latest format ever written there; None: none was.
        """
        number, release = _read(kept) if kept is not None else (self.writes, "")
        ours = version("clicktrail")
        if number > self.understands:
            raise UnsuitableStoreError(
                f"Redis holds data of clicktrail {release} (format {number}), and {ours} understands formats up to "
                f"{self.understands}: run {release} or a newer release."
            )
        if number < self.beside:
            raise UnsuitableStoreError(
                f"Redis was last served by clicktrail {release} (format {number}), which would not understand what "
                f"{ours} writes (format {self.writes}): upgrade every shortener to {self.beside_release} first."
            )

    def note(self, kept: bytes | None) -> bytes | None:
        """Return what is to be noted in the place of `kept`; None where that stays. A number never goes back."""
        if kept is not None and _read(kept)[0] >= self.writes:
            return None
        return f"{self.writes} {version('clicktrail')}".encode()


FORMAT = DataFormat(writes=1, understands=1, beside=1, beside_release="0.1.0")
"""This release's. 1: every change of a link is told, as decision 0022 has it."""


def _read(kept: bytes) -> tuple[int, str]:
    number, _, release = kept.decode().partition(" ")
    return int(number), release
