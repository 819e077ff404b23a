"""E-mail addresses and phone numbers are compared in one form."""

import pytest

from tracking_service.identity.contacts import contact_of, normalised_phone
from tracking_service.identity.evidence import Contact


@pytest.mark.parametrize(
    "phone", ["+59899123456", "099 123 456", " 099-123-456 ", "+598 (99) 123 456", "0059899123456"]
)
def test_a_phone_number_is_the_same_however_it_is_written(phone: str) -> None:
    """With or without the country's prefix, which is then the business's."""
    assert normalised_phone(phone, "UY") == "+59899123456"


@pytest.mark.parametrize("phone", ["", "by post", "+", "☎"])
def test_what_is_no_number_stays_as_it_is(phone: str) -> None:
    """It is compared all the same."""
    assert normalised_phone(phone, "UY") == phone


def test_an_address_is_the_same_in_any_case() -> None:
    """And with spaces around it; nothing told is no address."""
    assert contact_of("shop", "UY", " Ana@Example.com ", None) == contact_of("shop", "UY", "ana@example.com", "")
    assert contact_of("shop", "UY", " ", None) == Contact()


def test_hashes_lead_from_no_business_to_another() -> None:
    """The same address is another hash there."""
    assert contact_of("shop", "UY", "ana@example.com", None) != contact_of("other", "UY", "ana@example.com", None)
