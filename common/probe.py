"""Asks a service whether it serves, for the price of an interpreter: container engines do so every few seconds.

Run as a file, with nothing of ours beside it: `python -I -S probe.py [--timeout SECONDS] [--tls FOLDER] TARGET`. Exits
with 0 if the target serves, with 1 and the reason on standard error if it does not, with 2 if it was asked wrongly.
"""

# What `socket` is made of: that one makes its enumerations at each start, which costs as much as all else here.
import _socket
import sys
from time import monotonic

USAGE = "usage: probe.py [--timeout SECONDS] [--tls FOLDER] HOST:PORT | http://HOST[:PORT][/PATH]"
TIMEOUT_SECONDS = 3.0
LONGEST_TIMEOUT_SECONDS = 3_600.0
HTTP = "http://"
HTTP_PORT = 80
HIGHEST_PORT = 65_535
LINE_BYTES_LIMIT = 4_096
# A peer may send larger frames only to those who have allowed it.
FRAME_BYTES_LIMIT = 16_384
# A few settings, pings and window updates; who says more without an answer never comes to one.
FRAMES_LIMIT = 100

DATA, HEADERS, RST_STREAM, SETTINGS = 0, 1, 3, 4
ACK = END_STREAM = 1
END_HEADERS = 4
PADDED = 8
STREAM = 1
# Of a message in a stream: a byte that says whether it is compressed, and four of its length.
PREFIX_BYTES = 5

STATUSES = {b"": "UNKNOWN", b"\x08\x00": "UNKNOWN", b"\x08\x02": "NOT_SERVING", b"\x08\x03": "SERVICE_UNKNOWN"}
SERVING = b"\x08\x01"
"""`HealthCheckResponse` as it is on the wire."""


class NotServingError(Exception):
    """The target does not serve; the message says why, without naming it."""


class Peer:
    """A connection on which everything together has an end in time."""

    def __init__(self, host: str, port: int, timeout_seconds: float, tls_folder: str | None = None) -> None:
        self._until = monotonic() + timeout_seconds
        self._waiting = b""
        connection = self._connected(host, port)
        self._socket = connection if tls_folder is None else _encrypted(connection, tls_folder)

    def send(self, data: bytes) -> None:
        """Send all of it; a peer that has hung up is no reason yet: what it said before can still be read."""
        self._socket.settimeout(self._left())
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def exactly(self, count: int) -> bytes:
        """Return the next bytes, so many."""
        while len(self._waiting) < count:
            self._receive()
        found, self._waiting = self._waiting[:count], self._waiting[count:]
        return found

    def line(self) -> bytes:
        """Return the first line, without its end."""
        while b"\r\n" not in self._waiting and len(self._waiting) < LINE_BYTES_LIMIT:
            self._receive()
        return self._waiting.partition(b"\r\n")[0]

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _connected(self, host: str, port: int) -> "_socket.socket":
        """Return a socket that is connected to the first address of the host that takes it."""
        refusal: OSError | None = None
        # As bytes: a text would be encoded as a name in any script, by modules that are dear to load.
        for family, kind, protocol, _, address in _socket.getaddrinfo(host.encode(), port, type=_socket.SOCK_STREAM):
            connection = _socket.socket(family, kind, protocol)
            try:
                connection.settimeout(self._left())
                connection.connect(address)
            except OSError as error:
                connection.close()
                refusal = error
            else:
                return connection
        raise refusal or NotServingError("it has no address")

    def _receive(self) -> None:
        self._socket.settimeout(self._left())
        received = self._socket.recv(FRAME_BYTES_LIMIT)
        if not received:
            raise NotServingError("it closed the connection without a whole answer")
        self._waiting += received

    def _left(self) -> float:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _encrypted(connection: "_socket.socket", folder: str) -> "_socket.socket":
    """Return a connection with TLS, showing the certificate of a folder; whose the other side's is does not matter.

    The modules for it cost as much as all else here: they are loaded where they are needed.
    """
    import socket  # noqa: PLC0415
    import ssl  # noqa: PLC0415

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(f"{folder}/tls.crt", f"{folder}/tls.key")
    timeout_seconds = connection.gettimeout()
    whole = socket.socket(fileno=connection.detach())
    whole.settimeout(timeout_seconds)
    return context.wrap_socket(whole)


def require_serving(target: str, timeout_seconds: float = TIMEOUT_SECONDS, tls_folder: str | None = None) -> None:
    """Raise `NotServingError` unless a target serves in time: `HOST:PORT` of a gRPC server, or an http address.

    With a folder of certificates, a gRPC server is asked by TLS.
    Raises `ValueError` for what is no such target, and for a time that is none.
    """
    if not 0 < timeout_seconds <= LONGEST_TIMEOUT_SECONDS:
        raise ValueError(f"{timeout_seconds:g} s are no time to wait")
    is_http = target.startswith(HTTP)
    place, slash, path = target.removeprefix(HTTP).partition("/") if is_http else (target, "", "")
    host, port = _host_and_port(place, HTTP_PORT if is_http else None)
    try:
        peer = Peer(host, port, timeout_seconds, None if is_http else tls_folder)
        try:
            if is_http:
                _require_ok(peer, place, (slash + path) or "/")
            else:
                _require_health(peer)
        finally:
            peer.close()
    except TimeoutError:
        raise NotServingError(f"there was no whole answer within {timeout_seconds:g} s") from None
    except OSError as error:
        raise NotServingError(error.strerror or str(error)) from None


def _host_and_port(place: str, default: int | None) -> tuple[str, int]:
    host, colon, port = place.rpartition(":")
    if default is not None and (not colon or port.endswith("]")):
        host, port = place, str(default)
    is_bracketed = host.startswith("[") and host.endswith("]")
    is_sound = host.isascii() and (is_bracketed or ":" not in host)
    host = host.strip("[]")
    if not host or not is_sound or not port.isdecimal() or not 0 < int(port) <= HIGHEST_PORT:
        raise ValueError(f"{place} is not HOST:PORT")
    return host, int(port)


def _require_ok(peer: Peer, place: str, path: str) -> None:
    """Require that a GET is answered with 200."""
    peer.send(f"GET {path} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\n\r\n".encode())
    version, _, rest = peer.line().partition(b" ")
    status = rest[:3]
    if not version.startswith(b"HTTP/1.") or not status.isdigit():
        raise NotServingError("it does not speak HTTP")
    if status != b"200":
        raise NotServingError(f"it answers {status.decode()}")


def _require_health(peer: Peer) -> None:
    """Require that `grpc.health.v1.Health/Check` is answered with SERVING."""
    peer.send(_check_request())
    status = _status(peer)
    if status != SERVING:
        raise NotServingError(f"its health is {STATUSES.get(status, 'unreadable')}")


def _status(peer: Peer) -> bytes:
    """Return the message that the call is answered with."""
    answer = b""
    for _ in range(FRAMES_LIMIT):
        kind, flags, stream, payload = _next_frame(peer)
        if kind == SETTINGS and not flags & ACK:
            peer.send(_frame(SETTINGS, flags=ACK))
        if stream != STREAM:
            continue
        if kind == RST_STREAM or (kind == HEADERS and flags & END_STREAM):
            # Headers that end a stream without a message before them carry a refusal.
            raise NotServingError("it refuses to tell its health")
        if kind == DATA:
            answer += payload
        length = int.from_bytes(answer[1:PREFIX_BYTES], "big")
        if len(answer) >= PREFIX_BYTES + length:
            return answer[PREFIX_BYTES:]
    raise NotServingError("it does not speak gRPC")


def _check_request() -> bytes:
    """Return a whole connection's beginning and the call, with an empty message.

    The headers name what HPACK has in its static table by number, and write all else out: no state, no coding.
    """
    headers = b"".join(
        (
            b"\x83",  # :method: POST
            b"\x86",  # :scheme: http
            b"\x04" + _text(b"/grpc.health.v1.Health/Check"),  # :path
            b"\x01" + _text(b"localhost"),  # :authority
            b"\x0f\x10" + _text(b"application/grpc"),  # content-type
            b"\x00" + _text(b"te") + _text(b"trailers"),
        )
    )
    frames = _frame(SETTINGS), _frame(HEADERS, headers, END_HEADERS, STREAM), _frame(DATA, bytes(5), END_STREAM, STREAM)
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"".join(frames)


def _text(text: bytes) -> bytes:
    """Return a text for HPACK, uncoded: its length, which fits seven bits here, and itself."""
    return bytes([len(text)]) + text


def _frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _next_frame(peer: Peer) -> tuple[int, int, int, bytes]:
    """Return the next frame's kind, flags, stream and payload, without what pads it."""
    head = peer.exactly(9)
    length, kind, flags, stream = int.from_bytes(head[:3], "big"), head[3], head[4], int.from_bytes(head[5:], "big")
    if length > FRAME_BYTES_LIMIT:
        raise NotServingError("it does not speak gRPC")
    payload = peer.exactly(length)
    if kind == DATA and flags & PADDED and payload:
        payload = payload[1 : length - payload[0]]
    return kind, flags, stream, payload


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    timeout_seconds, tls_folder = TIMEOUT_SECONDS, None
    try:
        if arguments[:1] == ["--timeout"]:
            timeout_seconds, arguments = float(arguments[1]), arguments[2:]
        if arguments[:1] == ["--tls"]:
            tls_folder, arguments = arguments[1], arguments[2:]
        (target,) = arguments
        require_serving(target, timeout_seconds, tls_folder)
    except NotServingError as error:
        sys.stderr.write(f"{target} does not serve: {error}\n")
        return 1
    except (ValueError, IndexError):
        sys.stderr.write(f"{USAGE}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
