"""Templates in memory: what a template says never changes, so one read once is known for ever, and worked out once."""

from collections.abc import Iterable, Sequence

from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import click_pb2
from common.errors import ClicktrailError
from shortener_service.links.codec import template_id_text
from shortener_service.links.link import Template
from shortener_service.links.locations import Location
from shortener_service.links.store import RedisLinkStore
from shortener_service.refused_hosts.refused_host import HostSet


class KnownTemplate:
    """A template, and what follows from it for each of its links."""

    __slots__ = ("_is_refused", "_judged_by", "click_part", "id", "location", "session_part", "template")

    def __init__(self, template_id: bytes, template: Template, session_parameters: Sequence[str]) -> None:
        self.id = template_id
        self.template = template
        self.location = Location(template, session_parameters)
        self._is_refused = False
        self._judged_by: HostSet | None = None
        self.click_part = _click_part(template, template_id_text(template_id)).SerializeToString()
        """What each click says of the template, as part of a serialized `Click`."""
        self.session_part = _session_part(template).SerializeToString()
        """Likewise, of a `Session`."""

    def is_refused(self, hosts: HostSet) -> bool:
        """Tell whether it leads to a refused host; for one list of hosts that is found out once."""
        if self._judged_by is not hosts:
            self._is_refused = hosts.covers(self.location.host)
            self._judged_by = hosts
        return self._is_refused


class Templates:
    """Reads templates and remembers the latest so many."""

    def __init__(self, store: RedisLinkStore, session_parameters: Sequence[str], limit: int) -> None:
        self._store = store
        self._session_parameters = session_parameters
        self._limit = limit
        self._known: dict[bytes, KnownTemplate] = {}

    async def read(self, ids: Iterable[bytes]) -> dict[bytes, KnownTemplate]:
        """Return templates by id; one that the store does not have is left out."""
        read: dict[bytes, KnownTemplate] = {}
        for template_id, template in (await self.read_apart(ids)).items():
            if isinstance(template, ClicktrailError):
                raise template
            read[template_id] = template
        return read

    async def read_apart(self, ids: Iterable[bytes]) -> dict[bytes, KnownTemplate | ClicktrailError]:
        """Return templates by id, or why one cannot be read; one that the store does not have is left out."""
        wanted = set(ids)
        known: dict[bytes, KnownTemplate | ClicktrailError] = {
            template_id: self._known[template_id] for template_id in wanted if template_id in self._known
        }
        missing = [template_id for template_id in wanted if template_id not in known]
        if missing:
            for template_id, template in zip(missing, await self._store.get_templates(missing), strict=True):
                if isinstance(template, ClicktrailError):
                    known[template_id] = template
                elif template is not None:
                    known[template_id] = self._remember(template_id, template)
        return known

    async def keep(self, template: Template) -> KnownTemplate:
        """Keep a template in the store, whether it is there already or not."""
        return self._remember(await self._store.put_template(template), template)

    def _remember(self, template_id: bytes, template: Template) -> KnownTemplate:
        self._known[template_id] = known = KnownTemplate(template_id, template, self._session_parameters)
        if len(self._known) > self._limit:
            # The one that was learnt first.
            del self._known[next(iter(self._known))]
        return known


def _click_part(template: Template, template_id: str) -> click_pb2.Click:
    return click_pb2.Click(
        business_id=template.business_id,
        template=template_id,
        campaign=template.campaign,
        journey=template.journey,
        message=template.message,
    )


def _session_part(template: Template) -> session_pb2.Session:
    return session_pb2.Session(
        business_id=template.business_id,
        campaign=template.campaign or None,
        journey=template.journey or None,
        message=template.message or None,
    )
