"""Random bytes to every method of both services."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode, aio

_TEXTS = ("", "a", "é", "\0", "x" * 5_000, "ct_x", "https://[::1%25lo]/", "../..", "2026-01-01", "{", "🙂" * 50)
_NUMBERS = (0, 1, -1, 2**31 - 1, -(2**31))
_LARGE = (*_NUMBERS, 2**63 - 1, -(2**63))
_SECONDS = 3.0
_DEEPEST = 4
# What nobody is to be told: a fault of ours.
FAULTS = frozenset({StatusCode.UNKNOWN, StatusCode.INTERNAL, StatusCode.DATA_LOSS})


def methods_of(*files: Any) -> list[MethodDescriptor]:
    """Return all methods of the services of these modules."""
    services = (service for file in files for service in file.DESCRIPTOR.services_by_name.values())
    return [method for service in services for method in service.methods]


async def fuzz(
    channel: aio.Channel, methods: Sequence[MethodDescriptor], chance: random.Random, until: float
) -> Counter[tuple[str, StatusCode]]:
    """Call methods until then; return how often each code came of each of them."""
    seen: Counter[tuple[str, StatusCode]] = Counter()
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        method = chance.choice(methods)
        seen[method.full_name, await _call(channel, method, _content(method, chance))] += 1
    return seen


def _content(method: MethodDescriptor, chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return chance.randbytes(chance.randint(0, 200))
    request = GetMessageClass(method.input_type)()
    _fill(request, chance, _DEEPEST)
    return request.SerializeToString()


async def _call(channel: aio.Channel, method: MethodDescriptor, content: bytes) -> StatusCode:
    path = f"/{method.containing_service.full_name}/{method.name}"
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    call: Any = getattr(channel, kind)(path, request_serializer=bytes, response_deserializer=bytes)
    asked: Any = iter([content]) if method.client_streaming else content
    try:
        answer = call(asked, timeout=_SECONDS)
        if method.server_streaming:
            async for _ in answer:
                break
            answer.cancel()
        else:
            await answer
    except aio.AioRpcError as error:
        code: StatusCode = error.code()
        return code
    except asyncio.CancelledError:
        return StatusCode.CANCELLED
    return StatusCode.OK


def _fill(message: Message, chance: random.Random, depth: int) -> None:
    fields: Any = message.DESCRIPTOR.fields
    for field in fields:
        if chance.random() < 0.5:
            for value in _values(message, field, chance, depth):
                _set(message, field, value)


def _values(message: Message, field: FieldDescriptor, chance: random.Random, depth: int) -> Iterator[Any]:
    for _ in range(chance.choice((0, 1, 3)) if field.is_repeated else 1):
        if field.message_type is not None:
            if depth and not field.message_type.GetOptions().map_entry:
                held: Any = getattr(message, field.name)
                inner = held.add() if field.is_repeated else held
                inner.SetInParent()
                _fill(inner, chance, depth - 1)
        elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            yield chance.choice(_TEXTS) if field.type == FieldDescriptor.TYPE_STRING else chance.randbytes(20)
        elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            yield chance.random() < 0.5
        elif field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
            yield chance.choice((0.0, -1.0, 1e300, float("nan"), float("inf")))
        elif field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64):
            yield chance.choice((0, 1, 2**31))
        else:
            yield chance.choice(_LARGE if field.cpp_type == FieldDescriptor.CPPTYPE_INT64 else _NUMBERS)


def _set(message: Message, field: FieldDescriptor, value: Any) -> None:
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)
