"""What a signature of a report link opens."""

import hmac
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from common.clock import EPOCH
from tracking_service.counters.scopes import BUSINESS_SCOPE, Scope
from tracking_service.reports.page import Claim, opened_scope, read, sign

KEY = b"k" * 32
UNTIL = EPOCH + timedelta(days=20_000)
BEFORE = UNTIL - timedelta(seconds=1)
SCOPES = st.tuples(st.sampled_from(["campaign", "journey"]), st.text(min_size=1, max_size=20))


def claim_of(scope: Scope, business_id: str = "shop") -> Claim:
    """Return what the signature for a scope says."""
    claim = read(sign(KEY, business_id, scope, UNTIL))
    assert claim is not None
    return claim


@given(SCOPES, SCOPES)
def test_it_opens_one_report(scope: Scope, other: Scope) -> None:
    """Until its time, with the key that it was signed with, and no other report."""
    claim = claim_of(scope)
    assert opened_scope(claim, KEY, scope, BEFORE) == scope
    assert opened_scope(claim, KEY, BUSINESS_SCOPE, BEFORE) is None
    assert (opened_scope(claim, KEY, other, BEFORE) is None) == (other != scope)
    assert opened_scope(claim, KEY, scope, UNTIL) is None
    assert opened_scope(claim, b"l" * 32, scope, BEFORE) is None


@given(SCOPES)
def test_that_of_a_business_opens_all(scope: Scope) -> None:
    """And those that were signed before there were others are such ones."""
    claim = claim_of(BUSINESS_SCOPE)
    assert opened_scope(claim, KEY, scope, BEFORE) == BUSINESS_SCOPE
    assert opened_scope(claim, KEY, BUSINESS_SCOPE, BEFORE) == BUSINESS_SCOPE
    signed = f"{20_000 * 86_400}.shop"
    code = hmac.digest(KEY, f"clicktrail report link\n{signed}".encode(), sha256)
    assert claim.signature == f"{signed}.{urlsafe_b64encode(code).decode().rstrip('=')}"


def test_an_id_cannot_stand_for_more_than_itself() -> None:
    """Whatever stands in it."""
    bound = claim_of(("campaign", "a"))
    for wanted in (("campaign", "a\n"), ("campaign", "\na"), ("campaign", ""), ("journey", "a"), ("", "campaign\na")):
        assert opened_scope(bound, KEY, wanted, BEFORE) is None
    assert opened_scope(claim_of(("campaign", "b\njourney\na")), KEY, ("journey", "a"), BEFORE) is None
