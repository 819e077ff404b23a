"""E-mail addresses and phone numbers as they are compared: in one form, and by their hashes."""

import hashlib

import phonenumbers

from tracking_service.identity.evidence import Contact


def contact_of(business_id: str, country: str, email: str | None, phone: str | None) -> Contact:
    """Return the hashes of an address and a number; country, of ISO 3166, is where a number without a prefix is.

    They differ from business to business, so that nobody can be followed from one to another by them.
    """
    email, phone = normalised_email(email or ""), normalised_phone(phone or "", country)
    return Contact(_hash_of(business_id, "email", email), _hash_of(business_id, "phone", phone))


def normalised_email(email: str) -> str:
    """Return an e-mail address as addresses are compared; empty: it says nothing."""
    return email.strip().lower()


def normalised_phone(phone: str, country: str) -> str:
    """Return a phone number in the form of E.164, or as it is where it is none; empty: it says nothing."""
    text = phone.strip().lower()
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return text
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _hash_of(business_id: str, kind: str, value: str) -> bytes | None:
    if not value:
        return None
    return hashlib.sha256(f"{business_id}\0{kind}\0{value}".encode("utf-8", "replace")).digest()
