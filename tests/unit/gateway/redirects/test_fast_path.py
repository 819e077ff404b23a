"""Which requests are for a short link."""

from typing import Any, cast

import pytest

from gateway.redirects.fast_path import ShortLinks

TAKEN = ("/v1", "/reports", "/robots.txt", "/openapi.json", "/healthz")
LINKS = ShortLinks(cast("Any", None), TAKEN)


@pytest.mark.parametrize(
    "target",
    ["Promo26", "Promo26.", "Promo26,", "Promo26%20", "Promo26/", "Promo26)", "Promo26%29", "Promo26]", "Promo26>",
     'Promo26"', "Promo26%22", "Promo26'", "Promo26!", "Promo26%3F", "Promo26:", "Promo26;", "Promo26*", "Promo26~",
     "Promo26&x=y", "Promo26&amp;utm_source=x", "Promo26%", "Promo26%2", "Promo26%0A", "Promo26%00", "Promo26%C2%A0",
     "Promo26%E2%80%8B", "Promo26%EF%BB%BF", "Promo26%E2%80%9D", "Promo26%E3%80%82", "Promo26%FF", "Promo26\\n",
     "Promo26...", "Promo26/.", "Promo26/index.html", "Promo26.svg.", "Promo26+,", "Promo26.html", "Promo26|",
     "/Promo26", "%20Promo26", "%E2%80%9CPromo26%E2%80%9D", "Promo%32%36.", "Promo26#top", "Promo26.#top"],
)  # fmt: skip
def test_what_sticks_to_a_code_is_no_part_of_it(target: str) -> None:
    """Codes have letters, digits, hyphens and underscores alone, so that all else ends one."""
    assert LINKS.short_link_in(b"GET", b"/" + target.encode()) == ("Promo26", b"", False)


@pytest.mark.parametrize(("target", "query"), [("/Promo26.?qr", b"qr"), ("/Promo26%20?a=b&c#d", b"a=b&c")])
def test_a_query_stays_a_query(target: str, query: bytes) -> None:
    """Also behind what is stuck to a code."""
    assert LINKS.short_link_in(b"HEAD", target.encode()) == ("Promo26", query, True)


@pytest.mark.parametrize(
    "target",
    ["/Promo26+", "/Promo26%2B", "/Promo26.svg", "/Promo26.png?scale=3", "/robots.txt", "/openapi.json", "/v1/links",
     "/v1.", "/reports/", "/reports.", "//reports/x", "/healthz/", "/.env", "/../etc", "/%2e%2e/x", "/", "//", "/%20",
     "/" + "a" * 65, "/" + "a" * 65 + "."],
)  # fmt: skip
def test_all_else_is_no_short_link(target: str) -> None:
    """Views of links, our own paths and what lies below them, hidden files, what is longer than a code."""
    assert LINKS.short_link_in(b"GET", target.encode()) is None
