"""Files of recipients: what is wrong is told with its line, before anything is created."""

from pathlib import Path

import pytest

from cli.failures import CommandFailed
from cli.links.recipients import Row, count_rows, read_rows


def written(tmp_path: Path, content: bytes) -> Path:
    """Write a file of recipients."""
    path = tmp_path / "recipients.csv"
    path.write_bytes(content)
    return path


def test_rows_come_in_order_with_their_lines(tmp_path: Path) -> None:
    """Columns may stand in any order beside others; a byte order mark and Windows line ends do no harm."""
    path = written(tmp_path, '\ufeffname,external_id,profile\r\n"Ann, B",a1,ann\r\nBo, b2 ,bo\r\n'.encode())
    assert list(read_rows(path)) == [Row(2, "ann", "a1"), Row(3, "bo", "b2")]
    assert count_rows(path) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: the header has no column profile and no column external_id"),
        (b"profile;external_id\nann;1\n", "line 1: the header has no column profile and no column external_id"),
        (b"profile,id\nann,1\n", "line 1: the header has no column external_id"),
        (b"profile,external_id\n", "has no recipients below its header"),
        (b"profile,external_id\nann,1\n,2\n", "line 3: profile is empty"),
        (b"profile,external_id\nann,1\nbo, \n", "line 3: external_id is empty"),
        (b"profile,external_id\nann\n", "line 2: it has not as many columns as the header"),
        (b"profile,external_id\nann,1,2\n", "line 2: it has not as many columns as the header"),
        (b'profile,external_id\nann,"1\n', "line 2: unexpected end of data"),
        (b"profile,external_id\n\xff,1\n", "is not UTF-8"),
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
