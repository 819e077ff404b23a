"""Collects what is wrong, so that all of it is told at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from common.errors import Fault, FaultType


@dataclass(slots=True)
class Faults:
    """Every fault found so far."""

    found: list[Fault] = field(default_factory=list)

    def add(self, type_: FaultType, parameter: str, description: str) -> None:
        """Note a fault of a field."""
        self.found.append(Fault(type_, parameter, description))

    def extend(self, faults: Iterable[Fault]) -> None:
        """Note faults that were found elsewhere."""
        self.found.extend(faults)
