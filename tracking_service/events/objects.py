"""What an event is about: an object known by its id, or the data of one, found again by reference and source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from clicktrail.tracking.v1.event_pb2 import Event
from common.errors import Faults, FaultType
from common.field_rules import rules
from common.ids import uuid_of
from common.json_text import Number
from tracking_service.actions.catalogue import Action
from tracking_service.events import ids
from tracking_service.events.event import EventObject, KeptObject, SentEvent

# Fields of an object's data that find it again, with their longest text: they enter an index.
_FIELDS = {"reference": 255, "source": 100}
_TYPE_LENGTH = rules(Event, "object_type").max_length


@dataclass(frozen=True, slots=True)
class ObjectFinder:
    """Finds the object of one event; `known` are those that events name by their ids."""

    business_id: str
    event_id: UUID
    known: Mapping[UUID, KeptObject]
    faults: Faults

    def find(self, event: SentEvent, rule: Action, data: Any) -> EventObject | None:
        """Return the event's object, or note why it has none that it should have.

        data is the value of the event's `object_parameters`.
        """
        if event.object is not None and event.object_parameters:
            both = "and object_parameters exclude each other."
            self.faults.add("object", both, FaultType.AMBIGUOUS_PARAMETER)
        elif event.object is not None:
            return self._named(event.object, rule)
        elif event.object_parameters:
            return self._brought(event, rule, data)
        elif rule.needs is not None:
            needed = f"is missing: {event.action} needs an object of the type {rule.needs}."
            self.faults.add("object_parameters", needed, FaultType.PARAMETER_MISSING)
        return None

    def _named(self, sent_id: str, rule: Action) -> EventObject | None:
        object_id = uuid_of(sent_id)
        kept = None if object_id is None else self.known.get(object_id)
        if object_id is None or kept is None:
            self.faults.add("object", "names none that there is.", FaultType.OBJECT_INVALID)
        elif rule.needs not in (None, kept.type):
            wrong = f"must be of the type {rule.needs}; it is of {kept.type}."
            self.faults.add("object", wrong, FaultType.OBJECT_INVALID)
        else:
            return EventObject(object_id, kept.type, "", None, kept.data, is_new=False)
        return None

    def _brought(self, event: SentEvent, rule: Action, data: Any) -> EventObject | None:
        before = len(self.faults.found)
        type_ = _type(event, rule, self.faults)
        if not data:
            if event.object_parameters.strip() in (b"null", b"{}") or data == {}:
                empty = "must not be empty."
                self.faults.add("object_parameters", empty, FaultType.PARAMETER_INVALID_EMPTY)
            return None
        if not isinstance(data, dict):
            return None  # Noted where it was read.
        texts = {name: _text(data, name, self.faults) for name in _FIELDS}
        if len(self.faults.found) > before:
            return None
        if not texts["reference"] and not _is_named(data):
            self._note_nameless(data)
            return None
        source, reference = texts["source"], texts["reference"] or None
        text = event.object_parameters.decode().strip()
        return EventObject(self._id(type_, source, reference), type_, source, reference, text, is_new=True)

    def _id(self, type_: str, source: str, reference: str | None) -> UUID:
        if reference is None:
            return ids.nameless_object_id(self.business_id, self.event_id)
        return ids.object_id(self.business_id, type_, source, reference)

    def _note_nameless(self, data: Mapping[str, Any]) -> None:
        empty = next((name for name in ("reference", "name") if name in data), None)
        type_ = FaultType.PARAMETER_MISSING if empty is None else FaultType.PARAMETER_INVALID_EMPTY
        self.faults.add(f"object_parameters.{empty or 'reference'}", "is needed, or else a name.", type_)


def is_reference(text: str) -> bool:
    """Tell whether a text, as it is compared, can find an object."""
    return 0 < len(text) <= _FIELDS["reference"] and _is_storable(text)


def _type(event: SentEvent, rule: Action, faults: Faults) -> str:
    if rule.needs is not None:
        if event.object_type not in (None, rule.needs):
            faults.add("object_type", f"must be {rule.needs} for {event.action}.")
        return rule.needs
    if event.object_type is None:
        return event.action.partition(".")[0]
    if not event.object_type.isprintable() or not 0 < len(event.object_type) <= _TYPE_LENGTH:
        faults.add("object_type", f"must be 1 to {_TYPE_LENGTH} printable characters.")
    return event.object_type


def _is_named(data: Mapping[str, Any]) -> bool:
    """Tell whether an object has a name, which is shown and no more."""
    name = data.get("name")
    return isinstance(name, Number) or (isinstance(name, str) and bool(name.strip()))


def _text(data: Mapping[str, Any], name: str, faults: Faults) -> str:
    """Return a field as it is compared, "" where it is absent, null or blank."""
    value = data.get(name)
    text = ids.comparable(value)
    parameter = f"object_parameters.{name}"
    if not isinstance(value, str | Number | None):
        faults.add(parameter, "must be text.")
    elif len(text) > _FIELDS[name]:
        faults.add(parameter, f"must be at most {_FIELDS[name]} characters.")
    elif not _is_storable(text):
        faults.add(parameter, "must not contain a NUL or half of a surrogate pair.")
    return text


def _is_storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
