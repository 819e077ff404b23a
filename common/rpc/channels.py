"""Channels to the services: they wait for a server that is not there yet, within the call's deadline."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import grpc
from grpc import aio

from common.rpc.access import AUTHORIZATION, authorization
from common.rpc.security import OPEN, Security
from common.rpc.server import MESSAGE_BYTES_LIMIT

if TYPE_CHECKING:
    from common.rpc.tls import Certificates

OPTIONS = (
    ("grpc.lb_policy_name", "round_robin"),
    # A restarted server is found again within a second.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    # A channel's own: a connection that another channel gave up on would make this one wait, or fail, with it.
    ("grpc.use_local_subchannel_pool", 1),
    # Without a policy, and there is none, gRPC repeats by itself only what has not left this process or was not looked
    # at by the server: what was about to go out on a connection that takes no more calls.
    ("grpc.enable_retries", 1),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_BYTES_LIMIT),
)
# What goes on over a channel whose certificates were replaced may go on for as long as the longest call, an export.
GRACE_SECONDS = 24 * 3600.0


def open_channel(target: str, security: Security = OPEN) -> aio.Channel:
    """Return a channel to a gRPC target, such as `ipv4:127.0.0.1:7001,127.0.0.1:7002` or `dns:///shortener:7001`.

    Pass `wait_for_ready=True` with each call: a restart of the server is then invisible within the deadline. With
    security, calls carry the key of this process unless they bring a credential themselves, and new certificates are
    taken by the calls that come after them.
    """
    if security.tls is None and security.key is None:
        return aio.insecure_channel(target, options=OPTIONS)
    return SecuredChannel(target, security)


class SecuredChannel(aio.Channel):
    """A channel that sends a credential, and is another one below once there are other certificates."""

    def __init__(self, target: str, security: Security) -> None:
        self._target = target
        self._key = security.key
        self._tls = security.tls
        self._opened_with: Certificates | None = None
        self._channel = self._open()
        self._closing: set[asyncio.Task[None]] = set()

    def current(self) -> aio.Channel:
        """Return the channel that calls go over now."""
        if self._tls is not None and self._tls.current() is not self._opened_with:
            before, self._channel = self._channel, self._open()
            closing = asyncio.get_running_loop().create_task(before.close(GRACE_SECONDS))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        return self._channel

    def with_credential(self, metadata: Any) -> Any:
        """Return the metadata of a call with the key of this process, unless a credential is in it."""
        given = tuple(metadata or ())
        key = self._key() if self._key else None
        if key is None or any(name == AUTHORIZATION for name, _ in given):
            return given or None
        return (*given, authorization(key))

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        """Return a method of one request and one response."""
        return _Method(self, lambda channel: channel.unary_unary(*arguments, **options))

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        """Return a method of one request and many responses."""
        return _Method(self, lambda channel: channel.unary_stream(*arguments, **options))

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        """Return a method of many requests and one response."""
        return _Method(self, lambda channel: channel.stream_unary(*arguments, **options))

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        """Return a method of many requests and many responses."""
        return _Method(self, lambda channel: channel.stream_stream(*arguments, **options))

    async def close(self, grace: float | None = None) -> None:
        """Close it, and what goes on over those before it."""
        await self._channel.close(grace)
        for closing in self._closing:
            closing.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002  (the library's signature)
        """Return how the connection is."""
        return self.current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return once it is otherwise."""
        await self.current().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Return once it is connected."""
        await self.current().channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _open(self) -> aio.Channel:
        if self._tls is None:
            return aio.insecure_channel(self._target, options=OPTIONS)
        self._opened_with = self._tls.current()
        return aio.secure_channel(self._target, self._tls.channel_credentials(), options=OPTIONS)


class _Method:
    """A method of a channel, callable as those of any channel are."""

    __slots__ = ("_call", "_channel", "_made_of", "_of")

    def __init__(self, of: SecuredChannel, made_of: Callable[[aio.Channel], Any]) -> None:
        self._of = of
        self._made_of = made_of
        self._channel = of.current()
        self._call = made_of(self._channel)

    def __call__(self, *arguments: Any, metadata: Any = None, **options: Any) -> Any:
        channel = self._of.current()
        if channel is not self._channel:
            self._channel, self._call = channel, self._made_of(channel)
        return self._call(*arguments, metadata=self._of.with_credential(metadata), **options)
