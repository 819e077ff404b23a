"""Templates in memory: what a template says never changes, so that one read once is known for ever."""

from collections.abc import Iterable, Sequence

from common.errors import ClicktrailError
from shortener_service.domain import Template
from shortener_service.locations import Location
from shortener_service.store import LinkStore


class KnownTemplate:
    """A template, and where its links lead."""

    __slots__ = ("id", "location", "template")

    def __init__(self, template_id: bytes, template: Template, session_parameters: Sequence[str]) -> None:
        self.id = template_id
        self.template = template
        self.location = Location(template, session_parameters)


class Templates:
    """Reads templates and remembers the latest so many."""

    def __init__(self, store: LinkStore, session_parameters: Sequence[str], limit: int) -> None:
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
