"""Documents name files, functions and places that are there."""

import ast
import re
from pathlib import Path

import pytest

from tracking_service.actions.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]
# Folders with a dot before their name hold thousands of files of others.
NAMES = {path.name for folder in ROOT.glob("[!.]*") for path in folder.rglob("*.*")}
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "protos/README.md")),
    *sorted(path for folder in ("docs", "deploy") for path in (ROOT / folder).rglob("*.md")),
]
FOLLOWED = (ROOT / "docs" / "follow-a-click.md").read_text()
STEPS = re.findall(r"`([\w/]+\.py)`\s`([\w.]+)`", FOLLOWED)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_named_is_there(document: Path) -> None:
    """By its path or, within a sentence about its folder, by its name alone."""
    for named in set(re.findall(r"`([\w/]+\.(?:py|lua|sql))`", document.read_text())):
        assert (ROOT / named).is_file() if "/" in named else named in NAMES, named


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    """To a file beside it, or to one of its own headings."""
    text = document.read_text()
    headings = {
        re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^):]+)\)", text):
        path, _, heading = target.partition("#")
        assert (document.parent / path).exists(), target
        assert path or heading in headings, target


@pytest.mark.parametrize(("file", "name"), STEPS, ids=str)
def test_every_step_of_a_click_is_in_its_file(file: str, name: str) -> None:
    """Each function and class that the document tells to open."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
            names |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, _FUNCTIONS)}
        elif isinstance(node, _FUNCTIONS):
            names.add(node.name)
    assert name in names


def test_every_action_is_in_the_table_with_its_object() -> None:
    """In docs/events.md each built-in action stands with the type of the object that it needs, and no other does."""
    table = (ROOT / "docs" / "events.md").read_text().partition("\n## Actions\n")[2].partition("\n\nAn object")[0]
    told: dict[str, str] = {}
    for first, second in re.findall(r"^\| (`.+?) \| ([^|]+) \|", table, re.MULTILINE):
        actions = re.findall(r"`([^`]+)`", first)
        objects = re.findall(r"\w+", second.partition(", with")[0])
        told |= dict(zip(actions, objects if len(objects) > 1 else objects * len(actions), strict=True))
    assert told == {name: action.needs or "none" for name, action in CATALOGUE.items()}


def test_decisions_are_numbered_one_by_one() -> None:
    """Each by the number that its name and its title begin with."""
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    for number, path in enumerate(decisions, 1):
        assert path.name.startswith(f"{number:04}-")
        assert path.read_text().startswith(f"# {number:04}: ")


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
