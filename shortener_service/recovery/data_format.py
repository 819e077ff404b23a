"""Which releases may serve one Redis: what they write and tell each other of there has a number."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import NamedTuple

from shortener_service.errors import UnsuitableStoreError


class Note(NamedTuple):
    """What Redis remembers of the releases that served it."""

    written: int
    """The latest format that any of them wrote."""
    understood: int
    """The latest format that the last one to start understands."""
    release: str
    """That one."""

    @classmethod
    def from_bytes(cls, kept: bytes) -> "Note":
        """Read it."""
        written, understood, release = kept.decode().split(" ", 2)
        return cls(int(written), int(understood), release)

    def to_bytes(self) -> bytes:
        """Write it."""
        return " ".join(map(str, self)).encode()


@dataclass(frozen=True, slots=True)
class DataFormat:
    """What a release writes and understands. Decision 0024 says when a number changes, and how."""

    writes: int
    """The format that it writes."""
    understands: int
    """The latest one that it understands: one more than it writes, where the next release will write that."""
    understood_since: str
    """The first release that understood what this one writes."""

    def check(self, note: Note) -> None:
        """Raise `UnsuitableStoreError` where a release served Redis that does not go with this one."""
        ours = version("clicktrail")
        if note.written > self.understands:
            raise UnsuitableStoreError(
                f"Redis holds data of format {note.written}, and clicktrail {ours} understands formats up to "
                f"{self.understands}: run {note.release}, which served it last, or a newer release."
            )
        if note.understood < self.writes:
            raise UnsuitableStoreError(
                f"Redis was last served by clicktrail {note.release}, which understands formats up to "
                f"{note.understood} and not what {ours} writes, format {self.writes}: upgrade every shortener to "
                f"{self.understood_since} first."
            )

    def noted(self, note: Note | None) -> Note:
        """Return what is to be noted when this release starts."""
        written = max(note.written, self.writes) if note else self.writes
        return Note(written, self.understands, version("clicktrail"))


FORMAT = DataFormat(writes=1, understands=1, understood_since="0.1.0")
"""This release's. 1: every change of a link is told, as decision 0022 has it."""
