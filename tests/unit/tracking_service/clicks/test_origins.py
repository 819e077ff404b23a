"""What a click came from is told from what its request said."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.tracking_service.country_database import write_database
from tracking_service.clicks.origins import (
    NoCountries,
    Origins,
    UserAgent,
    describe,
    language_of,
    open_countries,
    referring_host,
)
from tracking_service.clicks.value_caps import MOST_A_DAY, OTHER
from tracking_service.counters.breakdowns import DIMENSIONS, Origin, unpacked

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"  # noqa: E501  (as it is sent)


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (IPHONE, ("mobile", "Mobile Safari", "iOS")),
        (IPHONE.replace("iPhone", "iPad"), ("tablet", "Mobile Safari", "iOS")),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-X210) AppleWebKit/537.36 Chrome/141.0 Safari/537.36",
            ("tablet", "Chrome", "Android"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36",
            ("mobile", "Chrome", "Android"),
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", ("desktop", "Firefox", "Linux")),
        ("Mozilla/5.0", ("unknown", "unknown", "unknown")),
        ("", ("unknown", "unknown", "unknown")),
        ("\0\x7f" * 10_000, ("unknown", "unknown", "unknown")),
    ],
)
def test_what_a_user_agent_says(agent: str, told: tuple[str, str, str]) -> None:
    """The kind of device, the browser and the system."""
    assert tuple(describe(agent)) == told


@pytest.mark.parametrize(
    "agent",
    [
        "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/191.308; U; en) Presto/2.12.423 Version/12.16",
        "Opera/9.80 (Android; Opera Mini/36.2.2254/191.308; U; es) Presto/2.12.423 Version/12.16",
        "Opera/9.80 (BREW; Opera Mini/6.0/27.2338; U; en) Presto/2.8.119 320X240 Samsung SCH-U640",
        "UCWEB/2.0 (MIDP-2.0; U; Adr 4.4.2; en-US; Micromax_A106) U2/1.0.0 UCBrowser/9.7.0.520 U2/1.0.0",
        "Nokia5130c-2/2.0 (07.97) Profile/MIDP-2.1 Configuration/CLDC-1.1",
        "SonyEricssonW810i/R46EA Browser/NetFront/3.3 Profile/MIDP-2.0 Configuration/CLDC-1.1 UP.Link/6.3.0.0.0",
        "BlackBerry9700/6.0.0.418 Profile/MIDP-2.1 Configuration/CLDC-1.1 VendorID/600",
        "SAMSUNG-GT-S3650/S365XXIIC2 SHP/VPP/R5 Dolfin/1.5 Nextreaming SMM-MMS/1.2.0",
        "LG-GT505/V10 Teleca/WAP2.0",
        "[FBAN/FB4A;FBAV/400.0.0.37.76;FBBV/1;FBDM/{density=3.0};FBDV/SM-A032M]",
        "Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "Mozilla/5.0 (Linux; Android 13; SM-A135M) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 UCBrowser/13.4",
    ],
)
def test_a_phone_is_one_without_saying_mobile(agent: str) -> None:
    """Those before smartphones, and what their browsers send from later ones."""
    assert describe(agent).device == "mobile"


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Dalvik/2.1.0 (Linux; U; Android 13; XYZ)", "unknown"),
        ("Mozilla/5.0 (PlayBook; U; RIM Tablet OS 2.1.0; en-US) AppleWebKit/536.2+ (KHTML, like Gecko)", "tablet"),
        ("Mozilla/5.0 (Linux; Android 12; Nokia T20) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36", "desktop"),
        ("Opera/9.80 (iPad; Opera Mini/7.0.5/191.308; U; en) Presto/2.12.423 Version/12.16", "tablet"),
    ],
)
def test_a_phones_name_makes_nothing_else_one(agent: str, device: str) -> None:
    """A maker of phones makes tablets too, and a program's word for Android says nothing of a device."""
    assert describe(agent).device == device


def test_a_name_out_of_a_user_agent_has_an_end() -> None:
    """Apps name themselves as they like: the value of a breakdown is the beginning of it."""
    assert describe("C" * 500 + "/1.0 CFNetwork/1 Darwin/1").browser == "C" * 100


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("es-UY,es;q=0.9", "es"),
        ("EN", "en"),
        (" fil;q=1", "fil"),
        ("*", "unknown"),
        ("", "unknown"),
        ("xyzw", "unknown"),
    ],
)
def test_a_language_is_the_first_without_its_country(accepted: str, language: str) -> None:
    """As browsers put it first."""
    assert language_of(accepted) == language


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("", "direct"),
        ("https://User@Mail.Example.com:8443/a?b=c", "mail.example.com"),
        ("android-app://com.slack/", "com.slack"),
        ("https://[bad/", "unknown"),
        ("about:blank", "unknown"),
        ("https://a b.example.com/", "unknown"),
    ],
)
def test_a_referrer_is_its_host(referrer: str, host: str) -> None:
    """Without what tells of a person."""
    assert referring_host(referrer) == host


def test_countries_come_from_the_operators_database(tmp_path: Path) -> None:
    """By address; what is in none, or no address, is unknown."""
    path = tmp_path / "countries.mmdb"
    write_database(path, "UY")
    countries = open_countries(path)
    assert [countries.of(address) for address in ("0.1.2.3", "200.1.2.3", "::1", "nonsense")] == [
        "UY", "unknown", "unknown", "unknown",
    ]  # fmt: skip
    assert open_countries(None).of("0.1.2.3") == "unknown"
    (tmp_path / "text").write_text("no database")
    with pytest.raises(ValueError, match="MaxMind"):
        open_countries(tmp_path / "text")


def visited(**said: Any) -> Any:
    """Return what is read of a click."""
    usual = {
        "business_id": "shop", "clicked_at": datetime(2026, 3, 1, tzinfo=UTC), "is_human": True, "template": "t",
        "address": "", "user_agent": IPHONE, "referrer": "", "accept_language": "es",
        "source": "link",
    }  # fmt: skip
    return SimpleNamespace(**usual | said)


def test_values_that_visitors_make_up_are_capped() -> None:
    """By business and day; those that came before stay what they are, and crawlers use up nothing of people's."""
    origins = Origins(describe, NoCountries().of)
    most = MOST_A_DAY["referrer"]

    def hosts(count: int, **said: Any) -> set[str]:
        return {origins.of(visited(referrer=f"https://h{at}.example/x", **said)).referrer for at in range(count)}

    assert len(hosts(3 * most, is_human=False)) == most + 1
    assert hosts(5) == {f"h{at}.example" for at in range(5)}
    assert len(hosts(3 * most)) == most + 1
    assert OTHER in hosts(3 * most)
    assert hosts(5) == {f"h{at}.example" for at in range(5)}
    assert origins.of(visited(referrer="https://new.example/")).referrer == OTHER
    assert origins.of(visited(referrer="https://new.example/", business_id="b")).referrer == "new.example"
    tomorrow = datetime(2026, 3, 2, tzinfo=UTC)
    assert origins.of(visited(referrer="https://new.example/", clicked_at=tomorrow)).referrer == "new.example"


def test_an_origin_is_packed_and_unpacked() -> None:
    """As SQL writes it."""
    origin = Origins(describe, NoCountries().of).of(visited(template='t"1'))
    assert origin == Origin('t"1', "mobile", "Mobile Safari", "iOS", "unknown", "es", "direct")
    packed = origin.packed("human")
    assert packed.startswith('["human", "t\\"1", "mobile", ')
    verdict, values = unpacked(packed)
    assert (verdict, tuple(values)) == ("human", DIMENSIONS)
    assert UserAgent(values["device"], values["browser"], values["os"]) == describe(IPHONE)


def test_a_scan_has_a_source() -> None:
    """Beside where it was found, which stays what it is; those of links have none, and are as they always were."""
    origins = Origins(describe, NoCountries().of)
    for referrer, host in (("", "direct"), ("https://h.example/x", "h.example"), ("https://qr+h.example/", "unknown")):
        scan, hit = (origins.of(visited(source=source, referrer=referrer)) for source in ("qr", "link"))
        assert scan == hit._replace(is_scan=True)
        (_, scanned), (_, hit_values) = unpacked(scan.packed("human")), unpacked(hit.packed("human"))
        assert scanned == hit_values | {"source": "qr"}
        assert hit_values["referrer"] == host
