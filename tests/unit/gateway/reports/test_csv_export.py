"""CSV that spreadsheets take for what it is."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.reports.csv_export import attachment, line


@given(st.lists(st.text(), min_size=2))
def test_what_is_written_is_read(cells: list[str]) -> None:
    """By any reader of CSV, but for apostrophes before what looks like a formula."""
    (read,) = csv.reader(StringIO(line(cells), newline=""), strict=True) if "\0" not in "".join(cells) else [cells]
    assert [one.replace("'", "") for one in read] == [one.replace("'", "") for one in cells]


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-2+3|cmd", "\n=1", "\uff1d1", " =1", "\xa0=1", "\u200b=1"],
)
def test_a_formula_stays_text(cell: str) -> None:
    """Spreadsheets show what begins with an apostrophe, and compute nothing."""
    ((read,),) = csv.reader(StringIO(line([cell]), newline=""))
    assert read == f"'{cell}"


@pytest.mark.parametrize("separator", [";", "|", "\t", "\n"])
def test_no_formula_begins_behind_another_separator(separator: str) -> None:
    """Where numbers have a comma, a spreadsheet takes cells apart by a semicolon, quoted or not."""
    ((read,),) = csv.reader(StringIO(line([f"a{separator} =1{separator}b"]), newline=""))
    assert read == f"a{separator}' =1{separator}b"


@pytest.mark.parametrize(
    ("cell", "written"), [(-3, "-3"), ("-10.00", "-10.00"), (0.25, "0.25"), (None, ""), ("é", "é")]
)
def test_numbers_stay_numbers(cell: float | str | None, written: str) -> None:
    """Below zero too."""
    assert line([cell]) == f"{written}\r\n"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("report", "campaign", "spring"), "report-campaign-spring"),
        (("report", 'a"; x=\r\n../../b'), "report-a_x_.._.._b"),
        (("report", "..", "ñandú"), "report-and"),
        (("report", "x" * 500), "report-" + "x" * 73),
    ],
)
def test_a_name_is_safe(words: tuple[str, ...], name: str) -> None:
    """Whatever a campaign is called, its file stays in its folder, and its header on its line."""
    assert attachment(*words) == f'attachment; filename="{name}.csv"'
