"""Channels to the services: they wait for a server that is not there yet, within the call's deadline."""

from grpc import aio

from common.rpc.server import MESSAGE_BYTES_LIMIT

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


def open_channel(target: str) -> aio.Channel:
    """Return a channel to a gRPC target, such as `ipv4:127.0.0.1:7001,127.0.0.1:7002` or `dns:///shortener:7001`.

    Pass `wait_for_ready=True` with each call: a restart of the server is then invisible within the deadline.
    """
    return aio.insecure_channel(target, options=OPTIONS)
