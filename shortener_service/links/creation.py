"""Creating links: one, or thousands from one template, each external id once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from clicktrail.shortener.v1 import link_pb2
from common import clock
from common.errors import ClicktrailError, Faults, FaultType, Reason, already_exists, invalid, unavailable
from shortener_service.domains.domains import Domains
from shortener_service.errors import StoreRestored, store_incomplete
from shortener_service.links import codes
from shortener_service.links.businesses import Businesses
from shortener_service.links.link import LinkKey, LinkRecord, Template
from shortener_service.links.messages import LinkMessages, NewLinks
from shortener_service.links.store import Found, Placing, RedisLinkStore
from shortener_service.links.templates import KnownTemplate, Templates
from shortener_service.links.validation import Draft, check_draft, check_template

# So many codes in a row that are all other links' mean a fault, not chance.
MOST_ATTEMPTS = 16

Answer = bytes | ClicktrailError
"""A serialized `Link`, which goes into the outbox as it is, or what is wrong."""

Learn = Callable[[], Awaitable[tuple[bytes, bytes]]]
"""Asks the store for the secret, and for the generation that it is of. Raises STORE_INCOMPLETE where there is none."""


class Secret:
    """What codes are derived with; not known before the store has answered once."""

    def __init__(self, learn: Learn) -> None:
        self._learn = learn
        self._value: bytes | None = None
        self.generation = b""
        """Which filling of the store the secret is of; a store that is emptied and restored has another one."""

    @property
    def value(self) -> bytes:
        """Return the secret."""
        if self._value is None:
            raise unavailable(Reason.STORE_DOWN, "Links cannot be created yet; try again.")
        return self._value

    async def learn(self) -> None:
        """Take over what the store says."""
        self._value, self.generation = await self._learn()


@dataclass(frozen=True, slots=True)
class Batch:
    """A template that is kept, ready for links: what they share, made once."""

    known: KnownTemplate
    part: link_pb2.Link
    other_domains: tuple[str, ...]
    """Where else this business may have used an external id."""

    @property
    def template(self) -> Template:
        """Return the template."""
        return self.known.template


class Creation:
    """Creates links so that the same external id always gets the same link."""

    def __init__(  # noqa: PLR0913, PLR0917  (what it asks, each once)
        self,
        store: RedisLinkStore,
        templates: Templates,
        domains: Domains,
        messages: LinkMessages,
        secret: Secret,
        businesses: Businesses,
    ) -> None:
        self._store = store
        self._businesses = businesses
        self._templates = templates
        self._domains = domains
        self._messages = messages
        self._secret = secret

    async def create_one(self, template: Template, draft: Draft) -> link_pb2.Link:
        """Create one link, or raise what is wrong with it."""
        faults = Faults()
        await self._check_template(template, faults)
        check_draft(draft, faults)
        _refuse(faults)
        (answer,) = await self._create(await self._open(template), [draft])
        if isinstance(answer, ClicktrailError):
            raise answer
        return link_pb2.Link.FromString(answer)

    async def open_batch(self, template: Template) -> Batch:
        """Check a template for many links and keep it."""
        faults = Faults("template.")
        await self._check_template(template, faults)
        _refuse(faults)
        return await self._open(template)

    async def create_many(self, batch: Batch, recipients: Sequence[Draft]) -> list[Answer]:
        """Create a link for each recipient; answers in order, what is wrong with one in its own."""
        answers: list[Answer | None] = []
        for recipient in recipients:
            faults = Faults()
            check_draft(recipient, faults)
            answers.append(invalid(faults.found) if faults.found else None)
        good = [at for at, answer in enumerate(answers) if answer is None]
        created = await self._create(batch, [recipients[at] for at in good])
        for at, answer in zip(good, created, strict=True):
            answers[at] = answer
        return [answer for answer in answers if answer is not None]

    async def _check_template(self, template: Template, faults: Faults) -> None:
        if not template.business_id:
            faults.add("business_id", "is missing.", FaultType.PARAMETER_MISSING)
        check_template(template, faults, objection=await self._domains.objections(), now=clock.now())
        if template.domain and await self._domains.owned(template.domain, template.business_id) is None:
            faults.add("domain", "is not registered for this business.", FaultType.NOT_FOUND)
        # Last: what is wrong in itself is told also while tracking is away.
        if not faults.found and not await self._businesses.has(template.business_id):
            faults.add("business_id", "is none that there is.", FaultType.NOT_FOUND)

    async def _open(self, template: Template) -> Batch:
        domains = await self._domains.current()
        mine = ["", *(domain.name for domain in domains.values() if domain.business_id == template.business_id)]
        others = tuple(name for name in mine if name != template.domain)
        return Batch(await self._templates.keep(template), self._messages.template_part(template), others)

    async def _create(self, batch: Batch, wanted: Sequence[Draft]) -> list[Answer]:
        """Place links, anew where the store was restored since its secret was learnt or the template kept."""
        try:
            return await self._place(batch, wanted)
        except StoreRestored:
            await self._secret.learn()
            await self._templates.keep(batch.template)
        try:
            return await self._place(batch, wanted)
        except StoreRestored:
            raise store_incomplete() from None

    async def _place(self, batch: Batch, wanted: Sequence[Draft]) -> list[Answer]:
        """Place each link at the first of its codes that is free, unless it is there already."""
        answers: dict[int, Answer] = {}
        for attempt in range(MOST_ATTEMPTS):
            waiting = [at for at in range(len(wanted)) if at not in answers]
            if not waiting:
                return [answers[at] for at in range(len(wanted))]
            length = codes.shortest_length(await self._store.count_links() + len(waiting))
            seconds = int(clock.now().timestamp())
            base_url = self._messages.base_url(batch.template.domain)
            new = NewLinks(batch.part, base_url, batch.known.id, seconds)
            links = [self._placing(batch, new, wanted[at], attempt, length) for at in waiting]
            placings = [placing for placing, _ in links]
            template = batch.template
            found = await self._store.place(
                template.business_id, template.domain, batch.other_domains, placings, self._secret.generation
            )
            for at, (_, link), there in zip(waiting, links, found, strict=True):
                answer = await self._judge(batch, wanted[at], there) if there else link
                if answer is not None:
                    answers[at] = answer
        raise RuntimeError(f"{MOST_ATTEMPTS} codes in a row were taken")

    def _placing(self, batch: Batch, new: NewLinks, draft: Draft, attempt: int, length: int) -> tuple[Placing, bytes]:
        """Return where a link may go, and its message."""
        if draft.code:
            longest, shortest, length = draft.code, len(draft.code), len(draft.code)
        elif draft.external_id:
            longest = codes.derived_code(self._secret.value, batch.template.series, draft.external_id, attempt)
            shortest = codes.SHORTEST
        else:
            longest, shortest = codes.random_code()[:length], length
        record = new.record(draft.profile, draft.external_id)
        link = new.link(longest[:length], record)
        return Placing(longest, shortest, length, record, new.delivery(link)), link

    async def _judge(self, batch: Batch, draft: Draft, found: Sequence[Found]) -> Answer | None:
        """Tell what the links that were found mean for a draft: None if they are others' and another code is tried."""
        for key, record in found:
            if (
                draft.external_id
                and record.names(batch.template.series, draft.external_id)
                and await self._is_same_series(batch, record)
            ):
                # Whose a detached link was is not known any more: to ask for it again is no conflict.
                is_same_profile = record.is_detached or record.profile == draft.profile
                is_same = record.first_template_id == batch.known.id and is_same_profile
                if is_same and draft.code in ("", key.code):
                    return await self._existing(batch, key, record)
                return already_exists(
                    Reason.EXTERNAL_ID_TAKEN,
                    f"external_id {draft.external_id} has a link already, with another profile or template.",
                    "external_id",
                )
        if draft.code:
            return already_exists(Reason.CODE_TAKEN, f"code {draft.code} is taken.", "code")
        return None

    async def _is_same_series(self, batch: Batch, record: LinkRecord) -> bool:
        if record.first_template_id == batch.known.id:
            return True
        # No change leads out of a series; the template that a link has now is there for certain, the first may not be.
        known = (await self._templates.read([record.template_id])).get(record.template_id)
        return known is not None and known.template.series == batch.template.series

    async def _existing(self, batch: Batch, key: LinkKey, record: LinkRecord) -> bytes:
        part = batch.part
        if record.template_id != batch.known.id:
            known = await self._templates.read([record.template_id])
            part = self._messages.template_part(known[record.template_id].template)
        return self._messages.whole(part, key, record).SerializeToString()


def _refuse(faults: Faults) -> None:
    if faults.found:
        is_domain_alone = all(fault.type is FaultType.NOT_FOUND for fault in faults.found)
        raise invalid(faults.found, Reason.DOMAIN_UNKNOWN if is_domain_alone else Reason.INVALID_REQUEST)
