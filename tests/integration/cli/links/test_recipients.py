"""Files of recipients: what is wrong is told with its line, before anything is created."""

import sys
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from cli.failures import CommandFailed
from cli.links.recipients import Row, count_rows, kept, read_rows


def written(tmp_path: Path, content: bytes) -> Path:
    """Write a file of recipients."""
    path = tmp_path / "recipients.csv"
    path.write_bytes(content)
    return path


def test_rows_come_in_order_with_their_lines(tmp_path: Path) -> None:
    """Columns may stand in any order beside others; a byte order mark and Windows line ends do no harm."""
    path = written(tmp_path, '\ufeffname,external_id,profile\r\n"Ann, B",a1,ann\r\nBo, b2 ,bo\r\n'.encode())
    assert list(read_rows(path)) == [Row(2, "ann", "a1", "Ann, B"), Row(3, "bo", "b2", "Bo")]
    assert count_rows(path) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: the header has no column profile and no column external_id. It is empty"),
        (b"\n\n", "line 1: the header has no column profile and no column external_id. It is empty"),
        (b"profile,id\nann,1\n", "the header has no column external_id. It is 'profile,id', read with commas"),
        (b"perfil;id\nann;1\n", "It is 'perfil;id', read with semicolons between the columns"),
        (b"sep=;\nprofile;id\n", "line 2: the header has no column external_id. It is 'profile;id'"),
        (b"profile external_id\n", "It is 'profile external_id', read with commas"),
        (b"profile,external_id\n", "has no recipients below its header"),
        (b"profile,external_id\nann,1\n,2\n", "line 3: profile is empty"),
        (b"profile,external_id\nann,1\nbo, \n", "line 3: external_id is empty"),
        (b"profile,external_id\n\n,\n;\n", "line 4: external_id is empty"),
        (b"profile,external_id\nann\n", "line 2: external_id is empty"),
        (b"profile,external_id\nann,1,2\n", "line 2: it has more columns than the header"),
        (b'profile,external_id\nann,"1\n', "line 2: unexpected end of data"),
        (b"profile,external_id\n\xff,1\n", "is not UTF-8"),
        ("profile,external_id\nann,1\n".encode("utf-16-le"), "is not UTF-8"),
        (b'profile,"external_id\nann,1\n', "It is 'profile,\"external_id\\\\nann,1', read with commas"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    """A faulty file is refused as a whole, with the line of its first fault."""
    with pytest.raises(CommandFailed, match=said):
        count_rows(written(tmp_path, content))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(CommandFailed, match=r"gone\.csv cannot be read: No such file"):
        count_rows(tmp_path / "gone.csv")


ANA = [Row(2, "ana", "a1")]


@pytest.mark.parametrize(
    "content",
    [
        "profile;external_id\r\nana;a1\r\n",
        "profile\texternal_id\r\nana\ta1\r\n",
        "profile|external_id\nana|a1\n",
        "profile, external_id\nana, a1\n",
        "Profile,External_ID\nana,a1\n",
        " PROFILE ; External Id \nana;a1\n",
        "external-id;profile\na1;ana\n",
        '"profile";"external_id"\n"ana";"a1"\n',
        "profile,external_id\nana,a1\n,\n",
        "profile;external_id\nana;a1\n\n;\n ; \n",
        "profile;external_id;;\nana;a1;;\n",
        "profile;external_id\nana;a1;;\n",
        "profile,external_id\rana,a1\r",
        "profile;external_id;note\nana;a1\n",
        "profile,externalId\nana,a1\n",
        "Profile;ExternalID\nana;a1\n",
        "profile\u00a0;external\u00a0id\nana;a1\n",
        "\u200bprofile,external_id\n\u200bana\u200b,\u00a0a1\ufeff\n",
        '"profile";"external\nid"\nana;a1\n',
        'profile;external_id;"what they\nbought"\nana;a1;x\n',
        "profile,external_id\nana,a1\n\u00a0,\u200b\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_are_read_as_programs_for_tables_write_them(tmp_path: Path, content: str, encoding: str) -> None:
    """With any separator, headers in any case, empty rows and columns, byte order marks, as "Unicode text"."""
    (ana,) = read_rows(written(tmp_path, content.encode(encoding)))
    assert replace(ana, line=2) == ANA[0]


@pytest.mark.parametrize("before", ["\n", "\r\n\r\n", ";\r\n;\r\n", ",,\n", "sep=;\r\n\r\n", '"";""\n'])
def test_a_table_may_begin_further_down(tmp_path: Path, before: str) -> None:
    """Empty rows above the header are counted, and no more."""
    (ana,) = read_rows(written(tmp_path, f"{before}profile;external_id\r\nana;a1\r\n".encode()))
    assert replace(ana, line=2) == ANA[0]
    assert ana.line == before.count("\n") + 2


@pytest.mark.parametrize("start", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1"])
def test_a_workbook_is_told_from_its_text(tmp_path: Path, start: bytes) -> None:
    """It is easily taken for the file that was saved from it."""
    with pytest.raises(CommandFailed, match="is a workbook: save it as"):
        count_rows(written(tmp_path, start))


def test_an_order_to_excel_is_no_row(tmp_path: Path) -> None:
    """`sep=;` stands before the header; lines are counted from the first."""
    assert list(read_rows(written(tmp_path, b"sep=;\r\nprofile;external_id\r\nana;a1\r\n"))) == [Row(3, "ana", "a1")]


def test_names_and_addresses_may_come_along(tmp_path: Path) -> None:
    """What is not told is empty."""
    content = "profile;external_id;Name;E-Mail;Phone\nana;a1;Ana Ñ;ana@example.com;+59899123456\nbo;b1;;;\n"
    ana, bo = read_rows(written(tmp_path, content.encode()))
    assert (ana.name, ana.email, ana.phone) == ("Ana Ñ", "ana@example.com", "+59899123456")
    assert ana.has_details
    assert not bo.has_details


def test_standard_input_is_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted before anything is created."""
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"profile;external_id\nana;a1\n")))
    with kept(Path("-")) as source:
        assert count_rows(source) == 1
        assert list(read_rows(source)) == ANA
    assert not source.exists()
