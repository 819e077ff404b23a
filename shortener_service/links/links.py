"""Reading links one at a time, changing, disabling and blocking them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

from common import clock
from common.errors import ClicktrailError, Faults, FaultType, Reason, invalid, not_found
from common.external_ids import detached_id
from shortener_service import destinations
from shortener_service.domains.domain import Domain
from shortener_service.domains.domains import Domains
from shortener_service.errors import CONTESTED_ATTEMPTS, contested, store_incomplete
from shortener_service.links import codes
from shortener_service.links.codec import record_from_bytes
from shortener_service.links.link import Block, Link, LinkKey, LinkRecord, key_from_id
from shortener_service.links.messages import LinkMessages, delivery_of
from shortener_service.links.store import RedisLinkStore
from shortener_service.links.templates import Templates
from shortener_service.links.validation import check_destination, check_options
from shortener_service.refused_hosts.refused_host import HostSet
from shortener_service.refused_hosts.refused_hosts import RefusedHosts, check_reason

# Fallbacks of domains and dead links, which are few.
ADDRESSES_REMEMBERED = 4_096


@dataclass(frozen=True, slots=True)
class Change:
    """What to change of a link: fields of its template by name, and whether it is disabled (None: as it is)."""

    template: dict[str, Any] = field(default_factory=dict)
    is_disabled: bool | None = None


class Sight(NamedTuple):
    """What there is to see of a link without following it."""

    link: Link
    location: str
    """Where it leads now, in ASCII; "" where that is nowhere."""
    is_live: bool
    is_blocked: bool
    """Whether the operator has blocked it, or refuses the host that it leads to."""


class Links:
    """Reads and changes single links; a change is told to `changed`, so that no old one is remembered here."""

    def __init__(  # noqa: PLR0913, PLR0917  (what it is made of)
        self,
        store: RedisLinkStore,
        templates: Templates,
        domains: Domains,
        refused_hosts: RefusedHosts,
        messages: LinkMessages,
        changed: Callable[[LinkKey], None],
    ) -> None:
        self._store = store
        self._templates = templates
        self._domains = domains
        self._refused_hosts = refused_hosts
        self._messages = messages
        self._changed = changed

    async def get(self, business_id: str, link_id: str) -> Link:
        """Return a link of this business."""
        key = key_from_id(link_id)
        link = await self._find(key)
        if link is None or link.template.business_id != business_id:
            raise _unknown("id", link_id)
        return link

    async def look_up(self, host: str, code: str) -> Sight:
        """Return the link that a host serves under a code, and what becomes of it now."""
        link = await self._served(host, code)
        refused = await self._refused_hosts.current()
        is_blocked = link.record.block is not None or refused.covers(destinations.parse(link.template.destination).host)
        is_live = link.is_live(clock.now()) and not is_blocked
        leads_to = "" if is_blocked else link.template.destination if is_live else link.template.fallback_url
        return Sight(link, allowed_location(leads_to, refused), is_live=is_live, is_blocked=is_blocked)

    async def update(self, business_id: str, link_id: str, change: Change) -> Link:
        """Return a link after a change; repeated, the change does nothing."""

        async def changed(link: Link) -> Link:
            template = replace(link.template, **change.template)
            await self._check(template, change)
            known = await self._templates.keep(template)
            is_disabled = link.record.is_disabled if change.is_disabled is None else change.is_disabled
            if known.id == link.record.template_id and is_disabled == link.record.is_disabled:
                return link
            record = _changed_record(link.record, template_id=known.id, is_disabled=is_disabled)
            return replace(link, record=record, template=template)

        return await self._apply(await self.get(business_id, link_id), changed)

    async def disable(self, business_id: str, link_id: str) -> None:
        """Switch a link off for good, or until it is switched on by a change."""
        await self.update(business_id, link_id, Change(is_disabled=True))

    async def block(self, host: str, code: str, reason: str) -> Link:
        """Block the link that a host serves under a code, of whichever business; blocked again, it keeps its time."""
        check_reason(reason)

        async def blocked(link: Link) -> Link:
            old = link.record.block
            if old and old.reason == reason:
                return link
            since_seconds = old.since_seconds if old else int(clock.now().timestamp())
            return replace(link, record=_changed_record(link.record, block=Block(since_seconds, reason)))

        return await self._apply(await self._served(host, code), blocked)

    async def unblock(self, host: str, code: str) -> Link:
        """Let a link be again what its business has made of it."""

        async def unblocked(link: Link) -> Link:
            return replace(link, record=_changed_record(link.record, block=None)) if link.record.block else link

        return await self._apply(await self._served(host, code), unblocked)

    async def detach(self, business_id: str, link_ids: Iterable[str]) -> None:
        """Take the recipient from links for good; those that there are not, or not any more, are passed over."""
        for link_id in link_ids:
            link = await self._find(key_from_id(link_id))
            if link is not None and link.template.business_id == business_id:
                await self._apply(link, _detached)

    async def _apply(self, link: Link, change: Callable[[Link], Awaitable[Link]]) -> Link:
        """Return a link after a change, which returns the very link where there is nothing to do.

        Where the link is changed by others meanwhile, it is read and changed again.
        """
        for _ in range(CONTESTED_ATTEMPTS):
            changed = await change(link)
            if changed is link:
                return link
            delivery = delivery_of(self._messages.link(changed), changed.record)
            if await self._store.change(link.template.business_id, link.key, link.record, changed.record, delivery):
                self._changed(link.key)
                return changed
            present = await self._find(link.key)
            if present is None:
                raise _unknown("id", link.id)
            link = present
        raise contested(f"The link {link.key.code}")

    async def _served(self, host: str, code: str) -> Link:
        key, domain = locate(host, code, await self._domains.current())
        link = await self._find(key)
        # A domain may have changed hands; the links of the one before are not the new one's.
        if link is None or (domain is not None and link.template.business_id != domain.business_id):
            raise _unknown("code", code)
        return link

    async def _find(self, key: LinkKey) -> Link | None:
        if not codes.is_well_formed(key.code):
            return None
        (kept,) = await self._store.get_records([key])
        if isinstance(kept, ClicktrailError):
            raise kept
        if kept is None:
            return None
        record = record_from_bytes(kept)
        known = (await self._templates.read([record.template_id])).get(record.template_id)
        if known is None:
            raise store_incomplete()
        return Link(key, record, known.template)

    async def _check(self, template: Any, change: Change) -> None:
        faults = Faults()
        objection = await self._domains.objections()
        # Only what is changed: a rule that is newer than the link must not keep it from being repaired.
        if "destination" in change.template:
            check_destination(template.destination, faults, objection)
        check_options(replace(template, **_unchanged(change)), faults, objection)
        if faults.found:
            raise invalid(faults.found)


# What a link can be changed in, and its absence.
ABSENT: dict[str, Any] = {
    "destination": "",
    "utm": (),
    "expires_at": None,
    "fallback_url": "",
    "metadata": b"",
    "session_parameters": (),
}


def unknown_field(path: str) -> ClicktrailError:
    """Return the error for a field that a change cannot name."""
    names = ", ".join((*ABSENT, "disabled"))
    faults = Faults()
    faults.add(path or "update_mask", f"cannot be changed; what can: {names}.", FaultType.NOT_ALLOWED)
    return invalid(faults.found)


def _unchanged(change: Change) -> dict[str, Any]:
    return {name: value for name, value in ABSENT.items() if name not in change.template}


def _changed_record(record: LinkRecord, **changes: Any) -> LinkRecord:
    revision = max(clock.milliseconds(clock.now()), record.revision + 1)
    origin_id = record.first_template_id
    return record._replace(origin_id=origin_id, changed_milliseconds=revision, **changes)


async def _detached(link: Link) -> Link:
    before = link.record
    if not before.profile:
        return link
    # Creation looks for it within the series that it was created in; no change leads out of that.
    external_id = detached_id(link.template.series, before.external_id) if before.external_id else ""
    return replace(link, record=_changed_record(before, profile="", external_id=external_id, is_detached=True))


def _unknown(parameter: str, value: str) -> ClicktrailError:
    return not_found(Reason.LINK_UNKNOWN, f"There is no link {value[:100]}.", parameter)


def locate(host: str, code: str, domains: Mapping[str, Domain]) -> tuple[LinkKey, Domain | None]:
    """Return what a host's code would be found by, and the host's custom domain."""
    domain = domains.get(host.lower().removesuffix(".")) if domains else None
    return LinkKey(domain.name if domain else "", code), domain


def allowed_location(url: str, refused: HostSet) -> str:
    """Return an address as it is sent to browsers; "" where there is none, or its host is refused."""
    if not url:
        return ""
    location, host = _location_and_host(url)
    return "" if refused.covers(host) else location


@lru_cache(ADDRESSES_REMEMBERED)
def _location_and_host(url: str) -> tuple[str, str]:
    address = destinations.parse(url)
    return str(address), address.host
