"""The document of the API as the modules of the gateway declare it, without a running gateway."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import gateway
from gateway.api.operations import operation_of
from gateway.api.transcoder import annotated
from gateway.bootstrap import TRANSCODED
from gateway.events.operations import COMPONENTS
from gateway.http.operation import Operation
from gateway.openapi.document import document


def declared_document() -> dict[str, Any]:
    """Return the document of all routes that annotations or modules of the gateway declare."""
    # An operation may be imported elsewhere too; by its id it is there once.
    handmade = {operation.id: operation for module in _modules() for operation in _operations_in(module)}
    transcoded = [operation_of(method, rule) for method, rule in annotated(TRANSCODED)]
    return document([*transcoded, *handmade.values()], COMPONENTS)


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if not found.name.endswith("__main__"):
            yield import_module(found.name)


def _operations_in(module: ModuleType) -> Iterator[Operation]:
    for value in vars(module).values():
        if isinstance(value, Operation):
            yield value
        elif isinstance(value, tuple | dict):
            every = value.values() if isinstance(value, dict) else value
            yield from (inner for inner in every if isinstance(inner, Operation))
