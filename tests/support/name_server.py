"""A name server on the loopback interface: it answers over UDP with the TXT records that it is given."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from dns import flags, message, rcode, rdatatype, rrset

TTL_SECONDS = 300
# The most of a text that fits one piece of a record.
PIECE = 200


class NameServer(socketserver.UDPServer):
    """Knows the texts of some names; all others are not there."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.texts: dict[str, list[str]] = {}
        """By name, without a final dot. A name without texts is there and has no TXT record."""
        self.is_silent = False
        self.fails = False
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        """Where it is, as a setting names it."""
        host, port = self.socket.getsockname()
        return f"{host}:{port}"

    def answer_to(self, query: message.Message) -> message.Message:
        """Return the answer to a question."""
        name = query.question[0].name
        self.asked.append(name.to_text(omit_final_dot=True))
        texts = self.texts.get(self.asked[-1])
        response = message.make_response(query)
        response.flags |= flags.RA
        if self.fails:
            response.set_rcode(rcode.SERVFAIL)
        elif texts is None:
            response.set_rcode(rcode.NXDOMAIN)
        elif texts:
            response.answer.append(rrset.from_text(name, TTL_SECONDS, "IN", rdatatype.TXT, *map(_quoted, texts)))
        return response


class _Answer(socketserver.BaseRequestHandler):
    server: NameServer

    def handle(self) -> None:
        """Answer a question, or leave it."""
        data, socket = self.request
        response = self.server.answer_to(message.from_wire(data))
        if not self.server.is_silent:
            socket.sendto(response.to_wire(), self.client_address)


def _quoted(text: str) -> str:
    return " ".join(f'"{text[at : at + PIECE]}"' for at in range(0, len(text), PIECE))


@contextmanager
def name_server() -> Iterator[NameServer]:
    """Run one in a thread of its own."""
    with NameServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
