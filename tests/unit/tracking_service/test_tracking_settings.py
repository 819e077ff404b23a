"""Settings of the tracking service."""

from collections.abc import Mapping

import pytest

from common.settings.encryption_keys import new_encryption_key
from common.settings.settings import load_settings
from tracking_service.key_ring import KeyRing
from tracking_service.settings import TrackingSettings

NEEDED: Mapping[str, str] = {"CLICKTRAIL_POSTGRES_URL": "postgresql://u@localhost/d"}


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what has no default."""
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("wrong", ["a-key-that-is-too-short", "{key} not-a-key-at-all", "{key}{key}"])
def test_what_is_no_key_is_told_by_the_name_of_its_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    """At the start, without a word of it: another line may be a good key."""
    keys = wrong.format(key=new_encryption_key())
    monkeypatch.setenv("CLICKTRAIL_ENCRYPTION_KEYS", keys)
    with pytest.raises(SystemExit) as stopped:
        load_settings(TrackingSettings)
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "CLICKTRAIL_ENCRYPTION_KEYS" in said
    assert not any(key in said for key in keys.split())


def test_keys_are_taken_as_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """One, or several on lines of their own; none at all is a key ring that keeps nothing."""
    assert not KeyRing(load_settings(TrackingSettings).encryption_keys.get_secret_value()).has_keys
    for keys in (new_encryption_key(), f"{new_encryption_key()}\n{new_encryption_key()}\n"):
        monkeypatch.setenv("CLICKTRAIL_ENCRYPTION_KEYS", keys)
        assert KeyRing(load_settings(TrackingSettings).encryption_keys.get_secret_value()).has_keys
