"""A name server on the loopback interface: it answers over UDP with the TXT records that it is given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dns import flags, message, rcode, rdatatype, rrset

TTL_SECONDS = 300


class NameServer(asyncio.DatagramProtocol):
    """Knows the texts of some names; all others are not there."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        """By name, without a final dot. A name without texts is there and has no TXT record."""
        self.is_silent = False
        self.fails = False
        self.asked: list[str] = []
        self.address = ""
        """Where it is, as a setting names it."""

    def connection_made(self, transport: Any) -> None:
        """Remember what to answer by."""
        self._transport = transport
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question."""
        query = message.from_wire(data)
        name = query.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        if self.is_silent:
            return
        response = message.make_response(query)
        response.flags |= flags.RA
        if self.fails:
            response.set_rcode(rcode.SERVFAIL)
        elif name not in self.texts:
            response.set_rcode(rcode.NXDOMAIN)
        elif self.texts[name]:
            quoted = [
                " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200)) for text in self.texts[name]
            ]
            response.answer.append(rrset.from_text(query.question[0].name, TTL_SECONDS, "IN", rdatatype.TXT, *quoted))
        self._transport.sendto(response.to_wire(), addr)


@asynccontextmanager
async def name_server(port: int = 0) -> AsyncIterator[NameServer]:
    """Run one on a port, or on any that is free."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", port))
    try:
        yield server
    finally:
        transport.close()
