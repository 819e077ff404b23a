"""Settings are checked at start."""

import pytest
from pydantic import Field

from common.settings.settings import Listen, Settings, load_settings
from common.settings.store_urls import check_store_url


class Example(Settings):
    """Settings of an example."""

    port: int
    share: float = Field(default=0.5, le=1)


def test_every_fault_is_named_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One start shows all that is wrong, by the names of the variables, and never a value."""
    monkeypatch.setenv("CLICKTRAIL_PORT", "secret-word")
    monkeypatch.setenv("CLICKTRAIL_SHARE", "2")
    with pytest.raises(SystemExit) as stopped:
        load_settings(Example)
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "CLICKTRAIL_PORT" in said
    assert "CLICKTRAIL_SHARE" in said
    assert "secret-word" not in said


class Serving(Settings):
    """Settings of something that listens."""

    listen: Listen


@pytest.mark.parametrize("listen", ["127.0.0.1:70000", "abc", "7001", ":7001", "host:", "host:port"])
def test_an_address_that_cannot_be_listened_on_is_refused(listen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At start, not by listening elsewhere."""
    monkeypatch.setenv("CLICKTRAIL_LISTEN", listen)
    with pytest.raises(SystemExit):
        load_settings(Serving)


@pytest.mark.parametrize("url", ["nonsense", "http://x", "redis://127.0.0.1:99999", "redis://h:port", "redis://[::1"])
def test_the_address_of_a_store_is_checked(url: str) -> None:
    """Another scheme or a port that cannot be is named at start, and the address itself is not shown."""
    with pytest.raises(ValueError, match="redis") as refused:
        check_store_url(url, "redis")
    assert url not in str(refused.value)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set is taken, the rest has its default."""
    monkeypatch.setenv("CLICKTRAIL_PORT", "7001")
    settings = load_settings(Example)
    assert (settings.port, settings.share) == (7001, 0.5)
