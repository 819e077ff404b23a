"""A setting may be given as the file that holds it."""

import os
from pathlib import Path

import pytest

from common.settings.settings import Settings, load_settings
from common.settings.texts import LARGEST_BYTES, UnfitTextError, text_of

SECRET = "secret-word"


class Example(Settings):
    """Settings of an example."""

    password: str
    port: int = 1
    name: str = "none"
    share: float = 0.5


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"word", "word"),
        (b"word\n", "word"),
        (b"word\r\n", "word"),
        (b"\xef\xbb\xbfword\n", "word"),
        (b" two words \n", " two words "),
        ("/ # @ : % ß €\n".encode(), "/ # @ : % ß €"),
    ],
)
def test_the_text_of_a_file_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, text: str
) -> None:
    """But for the end of its line, and for a mark that nobody sees."""
    path = tmp_path / "password"
    path.write_bytes(content)
    monkeypatch.setenv("CLICKTRAIL_PASSWORD_FILE", str(path))
    assert load_settings(Example).password == text


def test_a_file_is_read_as_its_setting_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number is a number, and what is wrong with it is told as ever."""
    (tmp_path / "port").write_text("7001\n")
    monkeypatch.setenv("CLICKTRAIL_PASSWORD", SECRET)
    monkeypatch.setenv("CLICKTRAIL_PORT_FILE", str(tmp_path / "port"))
    assert load_settings(Example).port == 7001
    (tmp_path / "port").write_text("many\n")
    with pytest.raises(SystemExit):
        load_settings(Example)


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As compose leaves one that was not set: beside a file, and of a file's name."""
    (tmp_path / "password").write_text(SECRET)
    monkeypatch.setenv("CLICKTRAIL_PASSWORD", "")
    monkeypatch.setenv("CLICKTRAIL_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv("CLICKTRAIL_PORT_FILE", "")
    settings = load_settings(Example)
    assert (settings.password, settings.port) == (SECRET, 1)


@pytest.mark.parametrize("name", ["PORT", "NAME", "SHARE", "LOG_LEVEL", "TLS_DIR"])
def test_an_empty_variable_is_none_also_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the setting takes, a text too: it has what it has where nothing is said of it."""
    monkeypatch.setenv("CLICKTRAIL_PASSWORD", SECRET)
    usual = getattr(load_settings(Example), name.lower())
    monkeypatch.setenv(f"CLICKTRAIL_{name}", "")
    assert getattr(load_settings(Example), name.lower()) == usual


def test_every_faulty_file_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the setting and the reason, beside faults of another kind; neither a value nor a path is shown."""
    (tmp_path / "word").write_text(SECRET)
    (tmp_path / "empty").write_text("\n")
    for name, value in {
        "PASSWORD": SECRET,
        "PASSWORD_FILE": str(tmp_path / "word"),
        "PORT_FILE": str(tmp_path / SECRET),
        "NAME_FILE": str(tmp_path / "empty"),
        "SHARE": SECRET,
    }.items():
        monkeypatch.setenv(f"CLICKTRAIL_{name}", value)
    with pytest.raises(SystemExit) as stopped:
        load_settings(Example)
    assert stopped.value.code == 2
    told = dict(line.strip().split(": ", 1) for line in capsys.readouterr().err.splitlines()[1:])
    assert told.keys() == {f"CLICKTRAIL_{name}" for name in ("PASSWORD", "PORT", "NAME", "SHARE")}
    assert "CLICKTRAIL_PASSWORD_FILE are both given" in told["CLICKTRAIL_PASSWORD"]
    assert "CLICKTRAIL_PORT_FILE names cannot be read: No such file" in told["CLICKTRAIL_PORT"]
    assert "CLICKTRAIL_NAME_FILE names is empty" in told["CLICKTRAIL_NAME"]
    assert SECRET not in str(told)
    assert str(tmp_path) not in str(told)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\r\n", "is empty"),
        (b"w\xfcrd", "is not UTF-8 text"),
        (b"wo\0rd", "has a zero byte"),
        (b"w" * (LARGEST_BYTES + 1), "is larger than 65,536 bytes"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """Each by its own reason."""
    path = tmp_path / "password"
    path.write_bytes(content)
    with pytest.raises(UnfitTextError, match=reason):
        text_of("PASSWORD", {"CLICKTRAIL_PASSWORD_FILE": str(path)})


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/dev/zero", "is larger"), ("/", "Is a directory"), ("a\0b", "no path"), ("/x" * 3000, "name too long")],
)
def test_what_is_no_file_is_refused(path: str, reason: str) -> None:
    """A folder, something without end, or what names nothing."""
    with pytest.raises(UnfitTextError, match=f"CLICKTRAIL_PASSWORD_FILE names.*{reason}"):
        text_of("PASSWORD", {"CLICKTRAIL_PASSWORD_FILE": path})


def test_a_variable_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are not UTF-8 are named as a fault, rather than found out later."""
    monkeypatch.setitem(os.environ, "CLICKTRAIL_PASSWORD", "w\udcfcrd")
    with pytest.raises(SystemExit):
        load_settings(Example)
