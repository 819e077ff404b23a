"""Reading links one at a time, changing and disabling them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from common import clock
from common.errors import ClicktrailError, Faults, FaultType, Reason, invalid, not_found
from common.external_ids import detached_id
from shortener_service.domains.domain import Domain
from shortener_service.domains.domains import Domains
from shortener_service.errors import CONTESTED_ATTEMPTS, contested, store_incomplete
from shortener_service.links import codes
from shortener_service.links.codec import record_from_bytes
from shortener_service.links.link import Link, LinkKey, LinkRecord, key_from_id
from shortener_service.links.messages import LinkMessages, delivery_of
from shortener_service.links.store import RedisLinkStore
from shortener_service.links.templates import Templates
from shortener_service.links.validation import check_destination, check_options


@dataclass(frozen=True, slots=True)
class Change:
    """What to change of a link: fields of its template by name, and whether it is disabled (None: as it is)."""

    template: dict[str, Any] = field(default_factory=dict)
    is_disabled: bool | None = None


class Links:
    """Reads and changes single links; a change is told to `changed`, so that no old one is remembered here."""

    def __init__(
        self,
        store: RedisLinkStore,
        templates: Templates,
        domains: Domains,
        messages: LinkMessages,
        changed: Callable[[LinkKey], None],
    ) -> None:
        self._store = store
        self._templates = templates
        self._domains = domains
        self._messages = messages
        self._changed = changed

    async def get(self, business_id: str, link_id: str) -> Link:
        """Return a link of this business."""
        key = key_from_id(link_id)
        link = await self._find(key)
        if link is None or link.template.business_id != business_id:
            raise _unknown("id", link_id)
        return link

    async def look_up(self, host: str, code: str) -> Link:
        """Return the link that a host serves under a code."""
        key, domain = locate(host, code, await self._domains.current())
        link = await self._find(key)
        # A domain may have changed hands; the links of the one before are not the new one's.
        if link is None or (domain is not None and link.template.business_id != domain.business_id):
            raise _unknown("code", code)
        return link

    async def update(self, business_id: str, link_id: str, change: Change) -> Link:
        """Return a link after a change; repeated, the change does nothing."""
        for _ in range(CONTESTED_ATTEMPTS):
            link = await self.get(business_id, link_id)
            template = replace(link.template, **change.template)
            await self._check(template, change)
            known = await self._templates.keep(template)
            is_disabled = link.record.is_disabled if change.is_disabled is None else change.is_disabled
            if known.id == link.record.template_id and is_disabled == link.record.is_disabled:
                return link
            record = _changed_record(link.record, known.id, is_disabled=is_disabled)
            changed = Link(link.key, record, template)
            delivery = delivery_of(self._messages.link(changed), record)
            if await self._store.change(business_id, link.key, link.record, record, delivery):
                self._changed(link.key)
                return changed
        raise contested("This link")

    async def disable(self, business_id: str, link_id: str) -> None:
        """Switch a link off for good, or until it is switched on by a change."""
        await self.update(business_id, link_id, Change(is_disabled=True))

    async def detach(self, business_id: str, link_ids: Iterable[str]) -> None:
        """Take the recipient from links for good; those that there are not, or not any more, are passed over."""
        for link_id in link_ids:
            await self._detach(business_id, key_from_id(link_id))

    async def _detach(self, business_id: str, key: LinkKey) -> None:
        """Take the recipient from a link; read it again where it was changed meanwhile."""
        for _ in range(CONTESTED_ATTEMPTS):
            link = await self._find(key)
            if link is None or link.template.business_id != business_id or not link.record.profile:
                return
            record = _without_recipient(link)
            delivery = delivery_of(self._messages.link(Link(key, record, link.template)), record)
            if await self._store.change(business_id, key, link.record, record, delivery):
                self._changed(key)
                return
        raise contested(f"The link {key.code}")

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
        await self._domains.current()
        # Only what is changed: a rule that is newer than the link must not keep it from being repaired.
        if "destination" in change.template:
            check_destination(template.destination, faults, self._domains.leads_to_us)
        check_options(replace(template, **_unchanged(change)), faults, self._domains.leads_to_us)
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


def _changed_record(record: LinkRecord, template_id: bytes, *, is_disabled: bool) -> LinkRecord:
    revision = max(clock.milliseconds(clock.now()), record.revision + 1)
    origin_id = record.first_template_id
    return record._replace(
        template_id=template_id,
        is_disabled=is_disabled,
        origin_id=origin_id,
        changed_milliseconds=revision,
    )


def _without_recipient(link: Link) -> LinkRecord:
    before = link.record
    # Creation looks for it within the series that it was created in; no change leads out of that.
    external_id = detached_id(link.template.series, before.external_id) if before.external_id else ""
    after = _changed_record(before, before.template_id, is_disabled=before.is_disabled)
    return after._replace(profile="", external_id=external_id, is_detached=True)


def _unknown(parameter: str, value: str) -> ClicktrailError:
    return not_found(Reason.LINK_UNKNOWN, f"There is no link {value[:100]}.", parameter)


def locate(host: str, code: str, domains: Mapping[str, Domain]) -> tuple[LinkKey, Domain | None]:
    """Return what a host's code would be found by, and the host's custom domain."""
    domain = domains.get(host.lower().removesuffix(".")) if domains else None
    return LinkKey(domain.name if domain else "", code), domain
