"""Serves every RPC that its proto gives an HTTP route: `google.api.http` is all that such a route needs."""

from collections.abc import Iterator, Sequence
from typing import Any

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from common.clock import now, to_timestamp
from common.errors import Fault, field_fault, invalid
from common.field_rules import rules_of
from common.json_writer import write, write_field
from gateway.api.batches import Refused, batch_of
from gateway.api.operations import READ_ONLY, operation_of, success_of
from gateway.auth import Credentials
from gateway.http import bodies
from gateway.http.exchange import Answer, Exchange
from gateway.http.routes import Route, Routes
from gateway.json.reader import fill, fill_from_path, keys_known, members_of_query
from gateway.rate_limits.budgets import BudgetKind
from gateway.rate_limits.limits import RateLimits
from gateway.rpc.clients import Services
from gateway.rpc.fresh_sessions import FreshSessions

BATCH_SECONDS = 30.0


class Transcoder:
    """Derives routes, and what they share."""

    def __init__(
        self, services: Services, credentials: Credentials, limits: RateLimits, fresh_sessions: FreshSessions
    ) -> None:
        self.services = services
        self.credentials = credentials
        self.limits = limits
        self.fresh_sessions = fresh_sessions

    def routes(self, descriptors: Sequence[ServiceDescriptor]) -> Routes:
        """Return the routes of these services."""
        return [
            Route(operation_of(method, rule), Binding(self, method, rule)) for method, rule in annotated(descriptors)
        ]


class Binding:
    """One route of one RPC."""

    def __init__(self, transcoder: Transcoder, method: MethodDescriptor, rule: HttpRule) -> None:
        self._shared = transcoder
        self._method = method
        self._call = transcoder.services.method(method)
        self._request: type[Message] = GetMessageClass(method.input_type)
        self._rule = rule
        self._is_read = rule.WhichOneof("pattern") == "get"
        self._batch = batch_of(method)
        self._has = frozenset(field.name for field in method.input_type.fields)
        limit = method.input_type.fields_by_name.get("limit")
        self._most = 0 if limit is None else rules_of(limit).maximum
        self._status = success_of(method)

    async def __call__(self, exchange: Exchange) -> Answer:
        """Answer a request with what the RPC answers."""
        limit = bodies.LINKS if self._batch else bodies.EVENT
        account = await self._shared.credentials.private(exchange)
        body = await exchange.body.read(limit)
        refused: Refused = {}
        if self._rule.body:
            bodies.check_type(exchange.headers, bodies.JSON_TYPES)
            request, refused = await self._beside_if_large(exchange, self._from_body, exchange, body, limit)
            if self._batch:
                count = len(refused) + self._batch.size_of(request)
                self._shared.limits.take(BudgetKind.LINKS, account, exchange.network, count)
        else:
            request = self._from_query(exchange)
        await self._complete(request, account.business_id)
        response = await self._ask(request, exchange.request_id, account.credential)
        if self._status == 204:  # noqa: PLR2004  (no content)
            return Answer(204)
        return Answer(self._status, await self._beside_if_large(exchange, self._written, response, refused))

    async def _ask(self, request: Message, request_id: str, token: str) -> Message:
        if self._batch and not self._batch.size_of(request):
            return self._batch.nothing_made()
        seconds = BATCH_SECONDS if self._batch else None
        response: Message = await self._call(
            request, seconds, request_id=request_id, token=token, is_repeatable=self._is_read
        )
        return response

    async def _beside_if_large(self, exchange: Exchange, work: Any, *arguments: Any) -> Any:
        # Thousands of links take longer to read or write than a redirect may wait.
        return await exchange.work(work, *arguments) if self._batch else work(*arguments)

    def _from_query(self, exchange: Exchange) -> Message:
        faults: list[Fault] = []
        request: Any = self._request()
        members = members_of_query(self._method.input_type, exchange.query())
        fill(request, members, faults, is_strict=True)
        is_given = self._most and "limit" in members
        if is_given and not 1 <= request.limit <= self._most and all(fault.parameter != "limit" for fault in faults):
            faults.append(field_fault("limit", f"must be 1 to {self._most}."))
        return _with_path(request, exchange, faults)

    def _from_body(self, exchange: Exchange, body: bytes, limit: bodies.Limit) -> tuple[Message, Refused]:
        faults: list[Fault] = []
        request: Any = self._request()
        members = bodies.members_of(bodies.plain(body, exchange.headers, limit), limit)
        target: Any = request
        if self._rule.body != "*":
            target = getattr(request, self._rule.body)
            target.SetInParent()
        refused: Refused = {}
        if self._batch:
            refused = self._batch.read(target, members, faults)
        else:
            fill(target, members, faults, is_strict=True)
        faults.extend(field_fault(name, "is unknown here: it belongs into the body.") for name, _ in exchange.query())
        if "update_mask" in self._has:
            known = keys_known(target.DESCRIPTOR, members)
            request.update_mask.paths.extend(name for name in known if name not in READ_ONLY)
        return _with_path(request, exchange, faults), refused

    async def _complete(self, request: Any, business_id: str) -> None:
        """Set what no client may set."""
        if "business_id" in self._has:
            request.business_id = business_id
        if "received_at" in self._has:
            request.received_at.CopyFrom(to_timestamp(now()))
        if "fresh_session" in self._has:
            found = await self._shared.fresh_sessions.among(business_id, [request.id])
            if request.id in found:
                request.fresh_session.CopyFrom(found[request.id])

    def _written(self, response: Message, refused: Refused) -> bytes:
        if self._batch and refused:
            response = self._batch.answer(response, refused)
        field = self._rule.response_body
        return (write_field(response, field) if field else write(response)).encode()


def _with_path(request: Message, exchange: Exchange, faults: list[Fault]) -> Message:
    fill_from_path(request, exchange.parameters, faults)
    if faults:
        raise invalid(faults)
    return request


def annotated(descriptors: Sequence[ServiceDescriptor]) -> Iterator[tuple[MethodDescriptor, HttpRule]]:
    """Return the methods of these services that have routes, each with the rule of every one."""
    for method in (method for service in descriptors for method in service.methods):
        options = method.GetOptions()
        if options.HasExtension(annotations_pb2.http):
            rule: HttpRule = options.Extensions[annotations_pb2.http]
            yield method, rule
            yield from ((method, other) for other in rule.additional_bindings)
