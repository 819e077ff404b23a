"""Custom domains: registering and proving them, and knowing which host serves whose links."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from clicktrail.shortener.v1.domain_service_pb2 import ClaimDomainRequest
from common import clock
from common.errors import (
    ClicktrailError,
    Faults,
    FaultType,
    Reason,
    already_exists,
    invalid,
    invalid_field,
    not_allowed,
    not_found,
)
from common.field_rules import rules
from shortener_service import destinations
from shortener_service.domains.domain import Domain, TxtRecord
from shortener_service.domains.proof import Proofs
from shortener_service.domains.store import RedisDomainStore
from shortener_service.errors import CONTESTED_ATTEMPTS, contested
from shortener_service.freshly_read import FreshlyRead
from shortener_service.refused_hosts.refused_hosts import RefusedHosts

# An external id is looked for on each domain of its business, and all domains are held in memory.
MOST_DOMAINS = 50
LONGEST_PROVABLE = rules(ClaimDomainRequest, "name").max_length

Objection = Callable[[destinations.Address], str]
"""Tells why no link may lead to an address, as what follows the name of its field; "" where one may."""


class Domains:
    """All registered domains, read as a whole and remembered for 5 seconds; `changed` is told of each change."""

    def __init__(
        self,
        store: RedisDomainStore,
        proofs: Proofs,
        refused_hosts: RefusedHosts,
        public_url: str,
        changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._proofs = proofs
        self._refused_hosts = refused_hosts
        self._changed = changed
        address = destinations.parse(public_url)
        self._own_host, self._own_port = address.host, address.port
        self._fresh: FreshlyRead[Mapping[str, Domain]] = FreshlyRead(store.all, {})

    async def current(self) -> Mapping[str, Domain]:
        """Return the domains by name, at most 5 seconds old; while the store is away, as they were before."""
        return await self._fresh.current()

    async def owned(self, name: str, business_id: str) -> Domain | None:
        """Return a domain of this business, also one registered a moment ago by another process."""
        domain = (await self.current()).get(name) or (await self._fresh.refresh()).get(name)
        return domain if domain is not None and domain.business_id == business_id else None

    async def objections(self) -> Objection:
        """Return what tells why no link may lead to an address, by what holds now or held seconds ago."""
        known, refused = await self.current(), await self._refused_hosts.current()

        def objection(address: destinations.Address) -> str:
            # A redirect to one of our own hosts would lead back to us.
            if destinations.leads_to(address, self._own_host, self._own_port) or address.host in known:
                return "leads back to a host of short links."
            return "leads to a host that is refused here." if refused.covers(address.host) else ""

        return objection

    async def register(self, domain: Domain) -> Domain:
        """Register a domain without proof, or change the fallback of one that the business has."""
        known = await self._fresh.refresh()
        await self._check(domain)
        old = known.get(domain.name)
        if old is not None and old.business_id != domain.business_id:
            raise _taken(domain.name)
        if old is not None:
            domain = replace(old, fallback_url=domain.fallback_url)
        return await self._put(old, domain)

    async def claim(self, name: str, business_id: str) -> tuple[Domain, TxtRecord]:
        """Return a domain as this business has it, or would have it, and the record that proves it."""
        known = await self._fresh.refresh()
        wanted = Domain(name, business_id)
        await self._check(wanted)
        if len(name) > LONGEST_PROVABLE:
            raise invalid_field("name", f"takes at most {LONGEST_PROVABLE} characters.")
        present = known.get(name)
        is_own = present is not None and present.business_id == business_id
        return present if present and is_own else wanted, await self._proofs.of(name, business_id)

    async def verify(self, name: str, business_id: str) -> tuple[Domain, TxtRecord]:
        """Have a domain that is proved serve this business; return it with its proof.

        One that another business has proved is taken from it, unless that one's record is there still.
        """
        domain, proof = await self.claim(name, business_id)
        texts = await self._proofs.find(proof)
        old = (await self._fresh.refresh()).get(name)
        if old is not None and old.business_id != business_id:
            is_provable = old.verified_at is not None
            if not is_provable or (await self._proofs.of(name, old.business_id)).text in texts:
                raise _taken(name)
        if domain.verified_at is None:
            domain = replace(domain, verified_at=clock.now().replace(microsecond=0))
        return await self._put(old, domain), proof

    async def set_fallback(self, name: str, business_id: str, fallback_url: str) -> Domain:
        """Change where dead and unknown codes of a domain lead ("": nowhere)."""
        old = (await self._fresh.refresh()).get(name)
        if old is None or old.business_id != business_id:
            raise _unknown(name)
        domain = replace(old, fallback_url=fallback_url)
        await self._check(domain)
        return await self._put(old, domain)

    async def list_of(self, business_id: str) -> list[Domain]:
        """Return the domains of a business, by name."""
        return sorted(_of(business_id, await self._fresh.refresh()), key=lambda domain: domain.name)

    async def remove(self, name: str, business_id: str) -> None:
        """Take a domain out of service."""
        for _ in range(CONTESTED_ATTEMPTS):
            domain = (await self._fresh.refresh()).get(name)
            if domain is None or domain.business_id != business_id:
                raise _unknown(name)
            if await self._store.swap(name, domain, None):
                self._changed()
                await self._fresh.refresh()
                return
        raise contested("This domain")

    async def _put(self, old: Domain | None, new: Domain) -> Domain:
        """Keep a domain in the place of what was read."""
        is_new = old is None or old.business_id != new.business_id
        if is_new and len(_of(new.business_id, self._fresh.value)) >= MOST_DOMAINS:
            raise not_allowed(Reason.NOT_ALLOWED, f"A business has at most {MOST_DOMAINS} domains.", "name")
        if old != new:
            await self._store.swap(new.name, old, new)
            self._changed()
            # Another process may have been faster, with the same wish or another's.
            present = (await self._fresh.refresh()).get(new.name)
            if present is not None and present.business_id != new.business_id:
                raise _taken(new.name)
            if present != new:
                raise contested("This domain")
        return new

    async def _check(self, domain: Domain) -> None:
        faults = Faults()
        if not domain.business_id:
            faults.add("business_id", "is missing.", FaultType.PARAMETER_MISSING)
        is_host = destinations.is_host_name(domain.name) and "." in domain.name and domain.name == domain.name.lower()
        if not is_host or domain.name.endswith("."):
            faults.add("name", "is not a host name in lower case, such as go.example.com.")
        elif domain.name == self._own_host:
            faults.add("name", "is the default domain.", FaultType.NOT_ALLOWED)
        if domain.fallback_url:
            self._check_fallback(domain, faults, await self.objections())
        if faults.found:
            raise invalid(faults.found)

    def _check_fallback(self, domain: Domain, faults: Faults, objection: Objection) -> None:
        try:
            address = destinations.parse(domain.fallback_url)
        except destinations.UnacceptableAddressError as error:
            faults.add("fallback_url", f"{error}.")
            return
        if address.host == domain.name:
            faults.add("fallback_url", "leads back to a host of short links.")
        elif why := objection(address):
            faults.add("fallback_url", why)


def _of(business_id: str, domains: Mapping[str, Domain]) -> list[Domain]:
    return [domain for domain in domains.values() if domain.business_id == business_id]


def _taken(name: str) -> ClicktrailError:
    return already_exists(Reason.DOMAIN_TAKEN, f"The domain {name} is another business's.", "name")


def _unknown(name: str) -> ClicktrailError:
    return not_found(Reason.DOMAIN_UNKNOWN, f"There is no domain {name[:253]}.", "name")
