"""The README, and what it leads to, keep step with the code."""

import re
from pathlib import Path

import pytest

from common.settings.settings import Settings
from gateway.settings import GatewaySettings
from shortener_service.settings import ShortenerSettings
from tracking_service.settings import MigrationSettings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "docs/settings.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \| [^|]+ \| `([^`]*)` \|", SETTINGS, re.MULTILINE))


@pytest.mark.parametrize("settings", [GatewaySettings, ShortenerSettings, MigrationSettings])
def test_every_setting_is_in_the_table(settings: type[Settings]) -> None:
    """Each setting stands there with its default."""
    for name, field in settings.model_fields.items():
        default = field.default
        if hasattr(default, "get_secret_value"):
            default = default.get_secret_value()
        if isinstance(default, tuple):
            default = ",".join(default)
        if isinstance(default, float):
            default = f"{default:g}"
        assert ROWS.get(name.upper()) == str(default), name


def test_the_table_has_no_other_settings() -> None:
    """Nothing stands there that no process reads."""
    known = {
        name.upper()
        for settings in (GatewaySettings, ShortenerSettings, MigrationSettings)
        for name in settings.model_fields
    }
    assert set(ROWS) == known


def test_every_folder_named_is_there() -> None:
    """The map in docs/architecture.md has a part for each folder of code, and for no other."""
    named = re.findall(r"^## `([a-z_]+/)`", ARCHITECTURE, re.MULTILINE)
    assert {"common/", "shortener_service/", "tracking_service/", "gateway/", "cli/"} <= set(named)
    for folder in named:
        assert (ROOT / folder).is_dir(), folder


def test_every_task_named_is_in_the_makefile() -> None:
    """`make` knows each task that the documents tell to run."""
    makefile = (ROOT / "Makefile").read_text()
    for task in set(re.findall(r"(?:^|`)make ([a-z-]+)\b", README + CONTRIBUTING, re.MULTILINE)):
        assert re.search(rf"^{task}:", makefile, re.MULTILINE), task
