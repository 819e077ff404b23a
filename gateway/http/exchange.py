"""One request of the API, and the answer to it."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_to_bytes

from gateway.addresses import DIRECT, ClientAddresses, network_of, peer_of
from gateway.http.admission import Result, Stay
from gateway.http.asgi import RawHeaders, Receive, Scope
from gateway.http.bodies import Body
from gateway.http.errors import bad_request
from gateway.http.operation import JSON
from gateway.json.text import Value, dumps

QUERY_FIELDS_LIMIT = 100


class Exchange:
    """One request, and what is known of it."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        request_id: str,
        stay: Stay,
        client_addresses: ClientAddresses = DIRECT,
    ) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.parameters: Mapping[str, str] = {}
        """The values of the path's placeholders."""
        self.headers = headers_in(scope["headers"])
        self.request_id = request_id
        self.address = client_addresses.of(peer_of(scope), scope["headers"])
        """The client's, behind proxies of our own."""
        self.holder = self.network
        """Whose share of the common room it takes: its network's, until its business is known."""
        is_compressed = "content-encoding" in self.headers
        self.body = Body(receive, lambda size: stay.hold(self.holder, size), is_compressed=is_compressed)
        self._stay = stay

    @property
    def network(self) -> str:
        """What the client is counted as where senders are counted by address."""
        return network_of(self.address)

    async def work(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Return what work on a large body returns, which is done in its turn beside the event loop."""
        return await self._stay.work(self.holder, work, *arguments)

    def query(self) -> list[tuple[str, str]]:
        """Return the parameters of the query, in order."""
        return query_of(self.scope)

    def every(self, name: str) -> list[str]:
        """Return all values of a header."""
        return values_in(self.scope["headers"], name) if name in self.headers else []

    def has_at_hand(self, tag: str) -> bool:
        """Tell whether the client has the version with this `ETag` already."""
        return tag in self.headers.get("if-none-match", "")

    def segments(self) -> tuple[str, ...]:
        """Return the segments of the path, each decoded by itself: an id may hold a slash. No UTF-8: none."""
        raw: bytes = self.scope["raw_path"]
        try:
            return tuple(unquote_to_bytes(segment).decode() for segment in raw.split(b"/"))
        except UnicodeDecodeError:
            return ()


def headers_in(raw: RawHeaders) -> Mapping[str, str]:
    """Return headers by name, of each the first."""
    # It is put in last, so that it stays.
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(raw)}


def values_in(raw: RawHeaders, name: str) -> list[str]:
    """Return all values of a header, in order; they are compared with what bodies say."""
    wanted = name.encode()
    # White space at its end is no part of a value; the parser leaves it there.
    return [text_of(value.strip(b" \t")) for sent, value in raw if sent == wanted]


def text_of(value: bytes) -> str:
    """Return what a header says: as UTF-8, as bodies are, where it is that; else as Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def query_of(scope: Scope) -> list[tuple[str, str]]:
    """Return the parameters of a request's query, in order. Raises the refusal with 400 beyond their limit."""
    text = scope["query_string"].decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=QUERY_FIELDS_LIMIT)
    except ValueError:
        raise bad_request(f"The query has more than {QUERY_FIELDS_LIMIT} parameters.") from None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; without a body where that is empty."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer with status 200 whose body comes in pieces, for as long as somebody listens."""

    pieces: AsyncGenerator[bytes, None]
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(status: int, value: Value) -> Answer:
    """Return the answer with this value."""
    return Answer(status, dumps(value))
