"""What the shortener is told is checked at start."""

import pytest

from common.settings import load_settings
from shortener_service.settings import ShortenerSettings


def test_an_option_that_means_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named, rather than ignored without a word; the password beside it is not shown."""
    monkeypatch.setenv("CLICKTRAIL_REDIS_URL", "redis://:secret-word@a:6379,b:6379/0?socket_timeout=3&db=0")
    with pytest.raises(SystemExit):
        load_settings(ShortenerSettings)
    said = capsys.readouterr().err
    assert "socket_timeout" in said
    assert "ssl_ca_certs" in said
    assert "secret-word" not in said


def test_options_of_tls_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are written for Redis's own clients."""
    url = "rediss://user:word@a:6379/2?ssl_ca_certs=/etc/ca.pem&ssl_check_hostname=false"
    monkeypatch.setenv("CLICKTRAIL_REDIS_URL", url)
    assert load_settings(ShortenerSettings).redis_url == url
