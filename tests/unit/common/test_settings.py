"""Settings are checked at start."""

import pytest
from pydantic import Field

from common.settings import Settings, load_settings


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


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set is taken, the rest has its default."""
    monkeypatch.setenv("CLICKTRAIL_PORT", "7001")
    settings = load_settings(Example)
    assert (settings.port, settings.share) == (7001, 0.5)
