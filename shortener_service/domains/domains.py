"""Custom domains: registering them, and knowing which host serves whose links."""

import time
from collections.abc import Callable, Mapping

from common.errors import ClicktrailError, Faults, FaultType, Reason, already_exists, invalid, not_allowed, not_found
from shortener_service import destinations
from shortener_service.domains.domain import Domain
from shortener_service.domains.store import RedisDomainStore
from shortener_service.errors import CONTESTED_ATTEMPTS, contested

FRESH_SECONDS = 5.0
# An external id is looked for on each domain of its business, and all domains are held in memory.
MOST_DOMAINS = 50


class Domains:
    """All registered domains, read as a whole and remembered for 5 seconds; `changed` is told of each change."""

    def __init__(self, store: RedisDomainStore, public_url: str, changed: Callable[[], None]) -> None:
        self._store = store
        self._changed = changed
        address = destinations.parse(public_url)
        self._own_host, self._own_port = address.host, address.port
        self._known: Mapping[str, Domain] = {}
        self._is_known = False
        self._read_at = -FRESH_SECONDS

    async def current(self) -> Mapping[str, Domain]:
        """Return the domains by name, at most 5 seconds old; while the store is away, as they were before."""
        if time.monotonic() - self._read_at >= FRESH_SECONDS:
            try:
                await self.refresh()
            except ClicktrailError as error:
                # An emptied store has no link either that could be taken for another domain's.
                if not self._is_known and error.reason is not Reason.STORE_INCOMPLETE:
                    raise
        return self._known

    async def refresh(self) -> Mapping[str, Domain]:
        """Read the domains again."""
        read_at = time.monotonic()
        self._known = await self._store.all()
        self._is_known = True
        self._read_at = read_at
        return self._known

    async def owned(self, name: str, business_id: str) -> Domain | None:
        """Return a domain of this business, also one registered a moment ago by another process."""
        domain = (await self.current()).get(name) or (await self.refresh()).get(name)
        return domain if domain is not None and domain.business_id == business_id else None

    def leads_to_us(self, address: destinations.Address) -> bool:
        """Tell whether an address is one of our own hosts: a redirect there would lead back to us."""
        return destinations.leads_to(address, self._own_host, self._own_port) or address.host in self._known

    async def register(self, domain: Domain) -> Domain:
        """Register a domain, or change the fallback of one that the business has."""
        known = await self.refresh()
        self._check(domain)
        old = known.get(domain.name)
        if old is None and len(_of(domain.business_id, known)) >= MOST_DOMAINS:
            raise not_allowed(Reason.NOT_ALLOWED, f"A business has at most {MOST_DOMAINS} domains.", "name")
        if old is not None and old.business_id != domain.business_id:
            raise _taken(domain.name)
        if old != domain:
            await self._store.swap(domain.name, old, domain)
            self._changed()
            # Another process may have been faster, with the same wish or another's.
            if (await self.refresh()).get(domain.name) != domain:
                raise _taken(domain.name)
        return domain

    async def list_of(self, business_id: str) -> list[Domain]:
        """Return the domains of a business, by name."""
        return sorted(_of(business_id, await self.refresh()), key=lambda domain: domain.name)

    async def remove(self, name: str, business_id: str) -> None:
        """Take a domain out of service."""
        for _ in range(CONTESTED_ATTEMPTS):
            domain = (await self.refresh()).get(name)
            if domain is None or domain.business_id != business_id:
                raise not_found(Reason.DOMAIN_UNKNOWN, f"There is no domain {name[:253]}.", "name")
            if await self._store.swap(name, domain, None):
                self._changed()
                await self.refresh()
                return
        raise contested("This domain")

    def _check(self, domain: Domain) -> None:
        faults = Faults()
        if not domain.business_id:
            faults.add("business_id", "is missing.", FaultType.PARAMETER_MISSING)
        is_host = destinations.is_host_name(domain.name) and "." in domain.name and domain.name == domain.name.lower()
        if not is_host or domain.name.endswith("."):
            faults.add("name", "is not a host name in lower case, such as go.example.com.")
        elif domain.name == self._own_host:
            faults.add("name", "is the default domain.", FaultType.NOT_ALLOWED)
        if domain.fallback_url:
            self._check_fallback(domain, faults)
        if faults.found:
            raise invalid(faults.found)

    def _check_fallback(self, domain: Domain, faults: Faults) -> None:
        try:
            address = destinations.parse(domain.fallback_url)
        except destinations.UnacceptableAddressError as error:
            faults.add("fallback_url", f"{error}.")
            return
        if self.leads_to_us(address) or address.host == domain.name:
            faults.add("fallback_url", "leads back to a host of short links.")


def _of(business_id: str, domains: Mapping[str, Domain]) -> list[Domain]:
    return [domain for domain in domains.values() if domain.business_id == business_id]


def _taken(name: str) -> ClicktrailError:
    return already_exists(Reason.DOMAIN_TAKEN, f"The domain {name} is registered already.", "name")
