"""What a hit tells of how its link was opened."""

import pytest

from shortener_service.redirects.clicks import source_of


@pytest.mark.parametrize(
    "query",
    ["qr", "qr=", "qr&fbclid=x", "fbclid=x&qr", "qr=1", "QR", "qr.", "qr%20", "qr;gclid=x", "utm_source=a&qr=&b=c",
     "source=qr", "src=qr&fbclid=x", "source=QR"],
)  # fmt: skip
def test_a_scan_is_a_scan(query: str) -> None:
    """Whatever other programs add to the query that a code brings."""
    assert source_of(query) == "qr"


@pytest.mark.parametrize("query", ["", "a=qr", "qrcode=1", "utm_source=qr", "xqr", "source=link&a=qr", "src=qrs"])
def test_all_else_is_a_click(query: str) -> None:
    """Only a parameter of that very name says that a code was scanned."""
    assert source_of(query) == "link"
