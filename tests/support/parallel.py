"""A plugin of pytest for runs in parallel (`make test`): tests that share servers stay together, in one worker.

The groups that pytest-xdist has for this are without effect on pytest 9.2 (pytest-xdist 3.8, `--dist loadgroup`), and
nothing says so. So each worker writes down which group each test belongs to, and the scheduler reads it.
"""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

# Fixtures that start many processes, so that one worker alone should. Those whose tests take longest come first: begun
# last, they would run on when all else is done.
SHARED = ("run", "killable", "chain", "system", "start_up", "gateway")
FOLDER = pytest.StashKey[str]()


def group_of(item: pytest.Item) -> str:
    """Return the group of a test: the first fixture of `SHARED` that it has, else its own file."""
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return next((name for name in SHARED if name in fixtures), str(item.path))


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives a worker one group after the other, in the order in which the tests were collected."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        # Otherwise groups of many tests come first, and those of few long ones last.
        self.config.option.loadscopereorder = False
        self._groups: dict[str, str] = {}

    def schedule(self) -> None:
        """Begin: all workers have collected, and noted, the same tests."""
        if not self._groups:
            noted = next(Path(self.config.stash[FOLDER]).iterdir())
            self._groups = json.loads(noted.read_text())
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._groups[nodeid]


def pytest_configure(config: pytest.Config) -> None:
    """Make a folder for what the workers note, in the process that schedules."""
    if not hasattr(config, "workerinput"):
        config.stash[FOLDER] = tempfile.mkdtemp(prefix="clicktrail-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove that folder."""
    if FOLDER in config.stash:
        shutil.rmtree(config.stash[FOLDER])


def pytest_configure_node(node: WorkerController) -> None:
    """Tell a worker the folder."""
    node.workerinput["groups"] = node.config.stash[FOLDER]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    """Schedule by groups."""
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the groups in their order, and note them, in a worker."""
    if not hasattr(config, "workerinput"):
        return
    groups = {item.nodeid: group_of(item) for item in items}
    order = {name: place for place, name in enumerate(SHARED)}
    items.sort(key=lambda item: order.get(groups[item.nodeid], len(SHARED)))
    noted = Path(config.workerinput["groups"]) / config.workerinput["workerid"]
    noted.write_text(json.dumps(groups))
