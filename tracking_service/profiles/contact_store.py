"""Finds in PostgreSQL who is reached by an e-mail address or a phone number."""

import re
from typing import TYPE_CHECKING

from tracking_service.identity.contacts import contact_of, normalised_email
from tracking_service.identity.evidence import Contact
from tracking_service.profiles.queries import QUERIES

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

# The last digits of a phone number, by which it is looked up before it is compared whole.
TAIL_DIGITS = 7


async def find_person_by_contact(
    connection: "Connection", business_id: str, contact: Contact, email: str, phone: str
) -> int | None:
    """Return the one person who is reached by an address or a number, by the surrogate; None: nobody, or several.

    contact is both as they are compared. What only pages said of anybody counts for nothing.
    """
    rows = await connection.fetch(QUERIES.find_by_contact, business_id, normalised_email(email), _tail(phone))
    found = set()
    for row in rows:
        theirs = contact_of(business_id, row["country"], row["email"], row["phone"])
        if any(own is not None and own == other for own, other in zip(contact, theirs, strict=True)):
            found.add(row["profile_key"])
    return found.pop() if len(found) == 1 else None


def _tail(phone: str) -> str:
    digits = re.sub("[^0-9]", "", phone)
    return digits[-TAIL_DIGITS:] if len(digits) >= TAIL_DIGITS else ""
