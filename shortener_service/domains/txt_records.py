"""Asks DNS for TXT records."""

from collections.abc import Sequence
from typing import Any

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.nameserver import Do53Nameserver
from dns.resolver import NXDOMAIN

from common.errors import Reason, unavailable
from common.logging import get_logger

log = get_logger(__name__)

# A request of the API waits for it, 5 seconds by default.
ANSWER_SECONDS = 3.0
# After so long another server is asked, or the same one again.
ATTEMPT_SECONDS = 1.0


class TxtRecords:
    """Asks the name servers given, each an address and a port; without any, those of this machine.

    Nothing is remembered here. A name server on the way may remember for as long as the zone says.
    """

    def __init__(self, servers: Sequence[tuple[str, int]] = ()) -> None:
        self._servers = servers

    async def texts_of(self, name: str) -> list[str]:
        """Return the texts of a name's TXT records, if it has any. Raises UNAVAILABLE (`DNS_DOWN`)."""
        try:
            # Made anew: this machine's servers may change while we run.
            answer = await self._resolver().resolve(f"{name}.", "TXT", raise_on_no_answer=False)
        except NXDOMAIN:
            return []
        except (DNSException, OSError) as error:
            log.info("a name server does not answer", name=name, error=str(error)[:200])
            raise unavailable(
                Reason.DNS_DOWN, f"No name server tells the records of {name} at the moment; try again."
            ) from error
        return [_text_of(record) for record in answer.rrset or ()]

    def _resolver(self) -> Resolver:
        resolver = Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [Do53Nameserver(address, port) for address, port in self._servers]
        resolver.timeout, resolver.lifetime = ATTEMPT_SECONDS, ANSWER_SECONDS
        return resolver


def _text_of(record: Any) -> str:
    # A long text is cut in pieces, which belong together.
    return b"".join(record.strings).decode("utf-8", "replace")
