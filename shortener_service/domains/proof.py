"""Proves whose a domain is: by a TXT record that only who controls its DNS can set."""

from collections.abc import Awaitable, Callable, Sequence

from common.errors import ClicktrailError, FaultType, Reason, not_allowed
from shortener_service.domains.domain import TxtRecord, proof_of
from shortener_service.domains.txt_records import TxtRecords
from shortener_service.errors import store_incomplete

# More of what was found would hide what is wanted.
TEXTS_SHOWN = 3
TEXT_LENGTH_SHOWN = 100

Learn = Callable[[], Awaitable[tuple[bytes, bytes]]]
"""Asks the store for its secret, and for the generation that it is of: none while the store is not complete."""


class Proofs:
    """Tells the record that proves a domain, and looks for it. Nothing has to be kept of it: it is derived."""

    def __init__(self, learn: Learn, records: TxtRecords) -> None:
        self._learn = learn
        self._records = records

    async def of(self, name: str, business_id: str) -> TxtRecord:
        """Return the record that proves that a domain is a business's. Raises STORE_INCOMPLETE."""
        secret, generation = await self._learn()
        if not generation:
            raise store_incomplete()
        return proof_of(secret, name, business_id)

    async def find(self, proof: TxtRecord) -> list[str]:
        """Return the texts of the records of a proof's name. Raises DOMAIN_NOT_PROVED where the proof is not one."""
        texts = await self._records.texts_of(proof.name)
        if proof.text not in map(str.strip, texts):
            raise _not_proved(proof, texts)
        return texts


def _not_proved(proof: TxtRecord, texts: Sequence[str]) -> ClicktrailError:
    if not texts:
        found = "but there is none; a new record may take some minutes to be seen"
    else:
        found = f"but there is {', '.join(map(_shown, texts[:TEXTS_SHOWN]))}"
        found += f" and {len(texts) - TEXTS_SHOWN} more" if len(texts) > TEXTS_SHOWN else ""
    said = f'The TXT record {proof.name} must be "{proof.text}", {found}.'
    type_ = FaultType.INVALID if texts else FaultType.NOT_FOUND
    return not_allowed(Reason.DOMAIN_NOT_PROVED, said, "name", type_)


def _shown(text: str) -> str:
    printable = "".join(character if character.isprintable() else "�" for character in text)
    return f'"{printable[:TEXT_LENGTH_SHOWN]}{"…" if len(printable) > TEXT_LENGTH_SHOWN else ""}"'
