"""Where visitors report a link, as operators set it."""

import pytest

from common.settings.settings import load_settings
from gateway.settings import GatewaySettings
from gateway.templating import filled


@pytest.mark.parametrize("address", ["mailto:abuse@example.com", "https://example.com/abuse?from=links", "http://x/"])
def test_an_address_is_taken(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of mail or of a page."""
    monkeypatch.setenv("CLICKTRAIL_ABUSE_ADDRESS", address)
    assert load_settings(GatewaySettings).abuse_address == address


@pytest.mark.parametrize(
    "address",
    ["abuse@example.com", "javascript:alert(1)", "mailto:abuse", "mailto:a b@example.com", "/abuse", "https://"],
)
def test_what_is_none_is_refused_at_start(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the name of the setting; a script is none."""
    monkeypatch.setenv("CLICKTRAIL_ABUSE_ADDRESS", address)
    with pytest.raises(SystemExit):
        load_settings(GatewaySettings)
    assert "CLICKTRAIL_ABUSE_ADDRESS: takes an address such as" in capsys.readouterr().err


def test_a_page_escapes_it_and_has_none_where_none_is_set() -> None:
    """It stands in an attribute."""
    shown = dict.fromkeys(("short_url", "host", "destination", "created_at", "created_on"), "x")
    page = filled("link.html", abuse_address='https://a.example/"><b>', **shown)
    assert b'href="https://a.example/&#34;&gt;&lt;b&gt;"' in page
    assert b"Report" not in filled("link.html", abuse_address=None, **shown)
