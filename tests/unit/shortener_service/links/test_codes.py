"""Codes: how long, out of which characters, and which one an external id stands for."""

import pytest

from shortener_service.links import codes

SERIES = ("shop", "campaign", "spring", "")
SECRET = b"s" * 32


@pytest.mark.parametrize(("links", "length"), [(0, 6), (27_680, 6), (27_681, 7), (1_500_000, 7), (10_000_000, 8)])
def test_length_follows_the_links(links: int, length: int) -> None:
    """The shortest length is taken at which fewer than one guess in a million hits a live link."""
    assert codes.shortest_length(links) == length
    assert links / len(codes.ALPHABET) ** length < codes.GUESS_PROBABILITY


def test_alphabet_has_no_look_alikes() -> None:
    """No character of a code is mistaken for another on paper."""
    assert not set("0Oo1lIi") & set(codes.ALPHABET)
    assert len(set(codes.ALPHABET)) == len(codes.ALPHABET)


def test_an_external_id_has_one_code() -> None:
    """The same key gives the same code; another key, attempt or secret another."""
    code = codes.derived_code(SECRET, SERIES, "order-1", 0)
    assert code == codes.derived_code(SECRET, SERIES, "order-1", 0)
    others = {
        codes.derived_code(SECRET, SERIES, "order-2", 0),
        codes.derived_code(SECRET, SERIES, "order-1", 1),
        codes.derived_code(b"t" * 32, SERIES, "order-1", 0),
        codes.derived_code(SECRET, ("shop", "journey", "spring", ""), "order-1", 0),
        codes.derived_code(SECRET, ("shop", "campaign", "sprin", "g"), "order-1", 0),
    }
    assert code not in others
    assert len(others) == 5


def test_codes_are_made_of_the_alphabet() -> None:
    """A random code has full length and no other characters."""
    for _ in range(1000):
        code = codes.random_code()
        assert len(code) == codes.LONGEST
        assert set(code) <= set(codes.ALPHABET)


@pytest.mark.parametrize("code", ["../etc", "a" * 65, "abc", "abc\0d", "äöüß", "", "a/bc", "abcd\n", "٤٤٤٤"])
def test_what_cannot_be_a_code(code: str) -> None:
    """Odd codes are told from the text alone."""
    assert not codes.is_well_formed(code)


def test_our_own_paths_are_reserved() -> None:
    """A path of our own is reserved in any case."""
    assert codes.is_reserved("healthz")
    assert codes.is_reserved("Reports")
    assert not codes.is_reserved("summer")
