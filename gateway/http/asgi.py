"""The types of ASGI."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
"""A request without its body: method, path, headers and so on."""
Message: TypeAlias = MutableMapping[str, Any]
"""A piece of a request's body or of an answer, by its `type`."""
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeaders: TypeAlias = list[tuple[bytes, bytes]]
"""Headers as they stand on the wire, in order; those of requests with names in lower case."""
