"""What the shortener is told is checked at start."""

import pytest

from common.settings.settings import load_settings
from shortener_service.redis.addresses import addresses_in
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


@pytest.mark.parametrize("scheme", ["sentinel", "redis+sentinel", "rediss+sentinel", "redis-sentinel+sentinel"])
def test_an_address_of_sentinels_is_refused_by_name(
    scheme: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is supported instead."""
    monkeypatch.setenv("CLICKTRAIL_REDIS_URL", f"{scheme}://a:26379,b:26379/mymaster")
    with pytest.raises(SystemExit):
        load_settings(ShortenerSettings)
    said = capsys.readouterr().err
    assert "Redis Sentinel, which is not supported" in said
    assert "Redis Cluster" in said


def test_a_password_stands_in_one_place(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Two are a fault, told beside all others."""
    monkeypatch.setenv("CLICKTRAIL_REDIS_URL", "redis://:secret-word@a")
    monkeypatch.setenv("CLICKTRAIL_REDIS_PASSWORD", "other-word")
    monkeypatch.setenv("CLICKTRAIL_OUTBOX_SHARDS", "0")
    with pytest.raises(SystemExit):
        load_settings(ShortenerSettings)
    said = capsys.readouterr().err
    assert "CLICKTRAIL_REDIS_PASSWORD: there is a password in CLICKTRAIL_REDIS_URL already" in said
    assert "CLICKTRAIL_OUTBOX_SHARDS" in said
    assert "-word" not in said


def test_each_node_of_a_cluster_gets_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given apart it is any text, and it is not shown where the settings are."""
    monkeypatch.setenv("CLICKTRAIL_REDIS_URL", "redis://me@a:1,b:2")
    monkeypatch.setenv("CLICKTRAIL_REDIS_PASSWORD", "/#,@:")
    settings = load_settings(ShortenerSettings)
    assert addresses_in(settings.redis_address) == ["redis://me:%2F%23%2C%40%3A@a:1", "redis://me:%2F%23%2C%40%3A@b:2"]
    assert "%2F" not in repr(settings)
    assert "/#" not in repr(settings)


def test_name_servers_are_addresses_and_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of either kind, with the port of DNS where none is named; without any, there are none."""
    assert load_settings(ShortenerSettings).name_servers == []
    monkeypatch.setenv("CLICKTRAIL_DNS_SERVERS", "192.0.2.53, 192.0.2.54:5353,2001:db8::53,[2001:db8::54]:5353")
    assert load_settings(ShortenerSettings).name_servers == [
        ("192.0.2.53", 53),
        ("192.0.2.54", 5353),
        ("2001:db8::53", 53),
        ("2001:db8::54", 5353),
    ]


@pytest.mark.parametrize("servers", ["dns.example.com", "192.0.2.53:99999", "192.0.2.53,,192.0.2.54", "[::1"])
def test_a_name_server_that_is_none_is_refused(
    servers: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name would have to be asked for first."""
    monkeypatch.setenv("CLICKTRAIL_DNS_SERVERS", servers)
    with pytest.raises(SystemExit):
        load_settings(ShortenerSettings)
    assert "CLICKTRAIL_DNS_SERVERS: takes addresses of name servers" in capsys.readouterr().err
