"""Where a redirect leads."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ids import NONCE_BYTES, SESSION_ALPHABET, session_from_nonce
from shortener_service.links.link import UTM_NAMES, Template
from shortener_service.links.locations import Location
from shortener_service.redis.keyspace import Shards

PARAMETERS = ("hellotext_session", "hello_session")
SESSION = "S" * 32

acceptable = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z", "Cf"), exclude_characters="\\#?")
urls_text = st.text(acceptable, max_size=40)
queries = st.none() | st.text(st.sampled_from("abcutm_source=&%20;?/"), max_size=40)
fragments = st.none() | urls_text
printable = st.text(min_size=1, max_size=20).filter(str.isprintable)
utms = st.dictionaries(st.sampled_from(UTM_NAMES), printable).map(lambda pairs: tuple(pairs.items()))


def location_of(destination: str, utm: tuple[tuple[str, str], ...] = ()) -> str:
    """Return where a click with `SESSION` is redirected."""
    return Location(Template("shop", destination, utm=utm), PARAMETERS).with_session(SESSION)


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("https://a.example", "https://a.example?S#"),
        ("https://a.example/p", "https://a.example/p?S#"),
        ("https://a.example/p?", "https://a.example/p?S#"),
        ("https://a.example/p??", "https://a.example/p??&S#"),
        ("https://a.example/p?x=1", "https://a.example/p?x=1&S#"),
        ("https://a.example/p?x=1&", "https://a.example/p?x=1&S#"),
        ("https://a.example/p#f", "https://a.example/p?S#f"),
        ("https://a.example/p?#f?g", "https://a.example/p?S#f?g"),
    ],
)
def test_session_ends_the_query(destination: str, expected: str) -> None:
    """The session stands at the end of the query, whatever the destination has of query and fragment."""
    before, fragment = expected.split("S#")
    assert location_of(destination) == f"{before}hellotext_session={SESSION}&hello_session={SESSION}" + (
        f"#{fragment}" if fragment else ""
    )


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("https://a.example/?hellotext_session=OLD", "https://a.example/?S"),
        ("https://a.example/?x=1&hello_session=OLD&y=%20", "https://a.example/?x=1&y=%20&S"),
        ("https://a.example/?hello%5Fsession=OLD&x=1&&y", "https://a.example/?x=1&&y&S"),
        ("https://a.example/?hello_sessions=1", "https://a.example/?hello_sessions=1&S"),
        ("https://a.example/?hellotext_session_id=COPIED00000001", "https://a.example/?S"),
        ("https://a.example/?a=1&hellotext_session_id=OLD&hello_session=OLD#top", "https://a.example/?a=1&S#top"),
        ("https://a.example/?hellotext%5Fsession%5Fid=OLD", "https://a.example/?S"),
        ("https://a.example/?hellotext_session_id", "https://a.example/?S"),
        (
            "https://a.example/?my_hello_session=1&hello_session_x=2",
            "https://a.example/?my_hello_session=1&hello_session_x=2&S",
        ),
        ("https://a.example/?a=1;hello_session=OLD", "https://a.example/?a=1;hello_session=OLD&S"),
    ],
)
def test_a_session_that_was_copied_along_is_taken_out(destination: str, expected: str) -> None:
    """A page reads the first session of its address: there must be the visitor's own, and no other."""
    sessions = f"hellotext_session={SESSION}&hello_session={SESSION}"
    assert location_of(destination) == re.sub(r"S(?=#|$)", sessions, expected)


def test_utm_only_where_the_destination_has_none() -> None:
    """The link's UTM parameters are added, but for those that the destination has, however written."""
    found = location_of("https://a.example/?utm%5Fsource=own", (("source", "sms"), ("medium", "a b&c")))
    assert found.startswith("https://a.example/?utm%5Fsource=own&utm_medium=a%20b%26c&hellotext_session=")


def test_the_contracts_example() -> None:
    """The location is built as the contract shows it."""
    template = Template(
        "shop",
        "https://shop.example.com/p/1?ref=a#size",
        utm=(("source", "hellotext"), ("medium", "sms"), ("campaign", "C")),
    )
    location = Location(template, PARAMETERS)
    utm = "utm_source=hellotext&utm_medium=sms&utm_campaign=C"
    assert location.bare == f"https://shop.example.com/p/1?ref=a&{utm}#size"
    sessions = f"hellotext_session={SESSION}&hello_session={SESSION}"
    assert location.with_session(SESSION) == f"https://shop.example.com/p/1?ref=a&{utm}&{sessions}#size"


def test_a_link_may_name_its_parameters() -> None:
    """A link's own names for the session replace the setting's; what pages read is taken out all the same."""
    for destination in ("https://a.example/", "https://a.example/?sid=OLD&hello_session=OLD&hellotext_session=OLD"):
        template = Template("shop", destination, session_parameters=("sid",))
        assert Location(template, PARAMETERS).with_session(SESSION) == f"https://a.example/?sid={SESSION}"


def test_a_parameter_may_have_brackets() -> None:
    """As the cart links of some shops want it: they are percent-encoded, and a copied session is found either way."""
    names = ("attributes[hello_session]", "hellotext_session")
    for query in ("?a=1", "?a=1&attributes[hello_session]=OLD", "?attributes%5Bhello_session%5D=OLD&a=1"):
        template = Template("shop", f"https://a.example/cart/7:1{query}", session_parameters=names)
        assert Location(template, PARAMETERS).with_session(SESSION) == (
            f"https://a.example/cart/7:1?a=1&attributes%5Bhello_session%5D={SESSION}&hellotext_session={SESSION}"
        )


@given(urls_text, queries, fragments, utms)
def test_the_destination_is_kept(
    path: str, query: str | None, fragment: str | None, utm: tuple[tuple[str, str], ...]
) -> None:
    """Host and fragment never change, the query begins with the original one, and the session can be read from it."""
    destination = f"https://shop.example.com/{path}"
    destination += f"?{query}" if query is not None else ""
    destination += f"#{fragment}" if fragment is not None else ""
    location = location_of(destination, utm)
    parts = urlsplit(location)
    assert parts.netloc == "shop.example.com"
    assert parts.query.startswith(query or "")
    assert parse_qs(parts.query)["hellotext_session"][-1] == SESSION
    assert location.isascii()
    assert location.isprintable()
    assert ("#" in location) == (fragment is not None)


@given(st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES), st.integers(1, 64))
def test_a_session_tells_its_shard(nonce: bytes, count: int) -> None:
    """A nonce always gives the same well-formed session, in the shard that the nonce alone tells."""
    session = session_from_nonce(nonce)
    assert session == session_from_nonce(nonce)
    assert len(session) == 32
    assert set(session) <= set(SESSION_ALPHABET)
    shards = Shards(count)
    assert shards.of_session(session) == shards.of_nonce(nonce) < count
