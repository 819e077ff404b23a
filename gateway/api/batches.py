"""Reads requests that bring many things at once: one that cannot be read fails alone, in its place in the answer."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from common.errors import Fault, FaultType, field_fault
from common.field_rules import rules_of
from common.json_names import is_inline, is_internal, key_of
from common.rpc.errors import fault_message
from gateway.json.reader import fill
from gateway.json.text import Value

Refused: TypeAlias = Mapping[int, Message]
"""The results of the items that cannot be read, by their place in the request."""


class Batch:
    """A method that takes a list and answers each item of it with a result: what was made of it, or its errors."""

    def __init__(self, method: MethodDescriptor, items: FieldDescriptor, results: FieldDescriptor) -> None:
        self._key = key_of(items)
        self._items = items.name
        # Counted here too, since what cannot be read never reaches the service.
        self._most = rules_of(items).max_items
        self._results = results.name
        self._item, self._result = _class_of(items), _class_of(results)
        self._repeated = _names(items) & _names(results)
        self._response: Any = GetMessageClass(method.output_type)

    def read(self, request: Message, members: dict[str, Value], faults: list[Fault]) -> Refused:
        """Fill a request with the items that can be read and with all that is beside them.

        Adds the faults that refuse the whole request: those beside the items, and those of the list itself.
        """
        fill(request, {key: value for key, value in members.items() if key != self._key}, faults, is_strict=True)
        sent = members.get(self._key)
        if not isinstance(sent, list) or not 1 <= len(sent) <= self._most:
            faults.append(_fault_of_list(self._key, sent, self._most))
            return {}
        if faults:
            # All at once: whoever sends it again need not send these again.
            fill(request, {self._key: sent}, faults, is_strict=True)
            return {}
        return self._read_items(request, sent)

    def size_of(self, request: Message) -> int:
        """Return how many items of a request could be read."""
        return len(getattr(request, self._items))

    def nothing_made(self) -> Message:
        """Return the response to a request without items."""
        response: Message = self._response()
        return response

    def answer(self, made: Message, refused: Refused) -> Message:
        """Return the response with the results of all items, in their order; `made` has those that could be read."""
        response: Message = self._response()
        results, others = getattr(response, self._results), getattr(made, self._results)
        following = iter(others)
        results.extend(
            refused[place] if place in refused else next(following) for place in range(len(refused) + len(others))
        )
        return response

    def _read_items(self, request: Message, sent: list[Value]) -> Refused:
        refused: dict[int, Message] = {}
        items: Any = getattr(request, self._items)
        for place, value in enumerate(sent):
            item, faults = self._item(), list[Fault]()
            if isinstance(value, dict):
                fill(item, value, faults, is_strict=True)
            else:
                name = f"{self._key}.{place}"
                faults.append(field_fault(name, "must be an object."))
            if faults:
                refused[place] = self._refused(item, faults)
            else:
                items.append(item)
        return refused

    def _refused(self, item: Message, faults: list[Fault]) -> Message:
        """Return the result of an item that cannot be read, with what could be read of what results repeat."""
        repeated = {field.name: value for field, value in item.ListFields() if field.name in self._repeated}
        result: Message = self._result(**repeated, errors=[fault_message(fault) for fault in faults])
        return result


def batch_of(method: MethodDescriptor) -> Batch | None:
    """Return what a method's batches are, known by results in its response that a made thing may stand for."""
    results = next((field for field in _lists(method.output_type) if _is_result(field)), None)
    items = next(_lists(method.input_type), None)
    return Batch(method, items, results) if items is not None and results is not None else None


def _lists(descriptor: Descriptor) -> Iterator[FieldDescriptor]:
    return (field for field in descriptor.fields if field.is_repeated and field.message_type and not is_internal(field))


def _is_result(field: FieldDescriptor) -> bool:
    inner: Any = field.message_type
    return any(is_inline(member) for member in inner.fields)


def _names(field: FieldDescriptor) -> set[str]:
    inner: Any = field.message_type
    return {member.name for member in inner.fields}


def _class_of(field: FieldDescriptor) -> Any:
    inner: Any = field.message_type
    return GetMessageClass(inner)


def _fault_of_list(key: str, sent: Value, most: int) -> Fault:
    if sent is None:
        return field_fault(key, "is required.", FaultType.PARAMETER_MISSING)
    if not isinstance(sent, list):
        return field_fault(key, "must be a list.")
    if not sent:
        return field_fault(key, "must not be empty.", FaultType.PARAMETER_INVALID_EMPTY)
    return field_fault(key, f"has {len(sent)} of at most {most}.")
