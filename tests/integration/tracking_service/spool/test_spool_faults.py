"""A spool that is full, damaged or not there: nothing acknowledged is lost, and nothing else is acknowledged."""

import errno
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cli.embedded.server_process import ServerProcess
from common.errors import ClicktrailError, Kind, Reason
from tests.support.tracking_service.events import ACCEPTED, DUPLICATE, event, submission
from tests.support.tracking_service.spooling import Running, files, outage, running, site, stored
from tracking_service.spool.file import Fate, SpoolEntry, SpoolFile, SpoolLock
from tracking_service.spool.folder import SpoolFolder
from tracking_service.spool.spool import Spool
from tracking_service.sqlite_file import is_full

__all__ = ["outage", "site"]

LIMIT = 300_000


async def until_full(site: Running) -> list[str]:
    """Send events until one is refused, and return the ids of those acknowledged."""
    acknowledged: list[str] = []
    for number in range(1_000):
        sent = submission(event(metadata={"text": "x" * 5_000}), key=f"k{number}", minutes=number / 60)
        try:
            (receipt,) = await site.track(sent)
        except Exception:  # noqa: BLE001  (the caller looks at it)
            return acknowledged
        assert receipt.status == ACCEPTED
        acknowledged.append(receipt.id)
    pytest.fail("it is never full")


@pytest.mark.usefixtures("site")
async def test_a_full_spool_refuses(outage: ServerProcess, postgres_url: str, tmp_path: Path) -> None:
    """With a time to come back; what was acknowledged is stored, and then there is room again."""
    async with running(postgres_url, tmp_path, spool_limit_bytes=LIMIT) as small:
        await small.until_known("shop")
        outage.kill()
        acknowledged = await until_full(small)
        assert len(acknowledged) > 10
        error = await small.refusal(submission(event(metadata={"text": "x" * 5_000}), key="late"))
        assert (error.kind, error.reason) == (Kind.UNAVAILABLE, Reason.SPOOL_FULL)
        assert error.retry_after_seconds
        (known,) = await small.track(submission(event(metadata={"text": "x" * 5_000}), key="k0"))
        assert (known.status, known.id) == (DUPLICATE, acknowledged[0])
        assert sum(path.stat().st_size for path in files(tmp_path)) <= LIMIT + 50_000
        outage.start()
        await small.until_replayed()
        assert await stored(postgres_url) == acknowledged
        outage.kill()
        (again,) = await small.track(submission(event(), key="late"))
        assert again.status == ACCEPTED
        outage.start()


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("limit", [0, 1])
async def test_no_room_at_all(outage: ServerProcess, postgres_url: str, tmp_path: Path, limit: int) -> None:
    """Events are refused as they would be without a spool."""
    async with running(postgres_url, tmp_path, spool_limit_bytes=limit) as small:
        outage.kill()
        assert (await small.refusal(submission(event()))).reason is Reason.SPOOL_FULL
        outage.start()


@pytest.mark.usefixtures("site")
async def test_a_folder_that_cannot_be_written_to(outage: ServerProcess, postgres_url: str, tmp_path: Path) -> None:
    """Is no reason not to serve; only during an outage events are refused."""
    (tmp_path / "spool").write_text("a file")
    async with running(postgres_url, tmp_path / "spool" / "below") as crippled:
        assert (await crippled.track(submission(event())))[0].status == ACCEPTED
        outage.kill()
        error = await crippled.refusal(submission(event(), minutes=1))
        assert (error.kind, error.reason) == (Kind.UNAVAILABLE, Reason.STORE_DOWN)
        assert error.retry_after_seconds
        outage.start()


async def test_garbage_is_set_aside(postgres_url: str, outage: ServerProcess, tmp_path: Path) -> None:
    """The service starts beside it, and keeps it for people to look at."""
    (tmp_path / "events-0.sqlite").write_bytes(b"no database at all" * 1_000)
    (tmp_path / "accounts.sqlite").write_bytes(b"nor this" * 1_000)
    async with running(postgres_url, tmp_path) as site:
        await site.create_business("shop")
        await site.until_known("shop")
        outage.kill()
        (receipt,) = await site.track(submission(event()))
        outage.start()
        await site.until_replayed()
        assert await stored(postgres_url) == [receipt.id]
    aside = sorted(path.name.partition(".damaged")[0] for path in files(tmp_path, "*.damaged-*"))
    assert aside == ["accounts.sqlite", "events-0.sqlite"]


async def test_a_file_damaged_under_the_service(
    site: Running, outage: ServerProcess, postgres_url: str, spool_dir: Path
) -> None:
    """What can still be read of it is stored, and new events are taken."""
    outage.kill()
    (first,) = await site.track(submission(event()))
    own = site.service._fallback.replay._spool._folder._own
    assert own is not None
    own._connection.execute("DROP INDEX events_id")
    own._connection.execute("ALTER TABLE events RENAME COLUMN fingerprint TO something")
    (second,) = await site.track(submission(event(), minutes=1))
    assert [first.status, second.status] == [ACCEPTED, ACCEPTED]
    outage.start()
    await site.until_replayed()
    assert second.id in await stored(postgres_url)
    assert files(spool_dir, "*.damaged-*")


async def test_a_removed_file_is_missed(
    site: Running, outage: ServerProcess, postgres_url: str, spool_dir: Path
) -> None:
    """Its events are stored nevertheless, and the next ones go to a file that is there."""
    outage.kill()
    (first,) = await site.track(submission(event()))
    for path in files(spool_dir):
        path.unlink()
    (second,) = await site.track(submission(event(), minutes=1))
    assert len(files(spool_dir, "events-*.sqlite")) == 1
    outage.start()
    await site.until_replayed()
    assert await stored(postgres_url) == [first.id, second.id]


def entries(*names: str) -> list[SpoolEntry]:
    """Return entries of so many bytes of content."""
    return [SpoolEntry("shop", name.encode(), b"f", b"x" * 2_000) for name in names]


@pytest.fixture
def file(tmp_path: Path) -> SpoolFile:
    """Return an empty file."""
    lock = SpoolLock.take(tmp_path / "events.lock")
    assert lock is not None
    return SpoolFile(tmp_path / "events.sqlite", lock)


def test_a_full_disk_keeps_all_or_nothing(file: SpoolFile) -> None:
    """A batch that does not fit leaves nothing; rows that cannot be removed are never shown again."""
    assert file.append(entries("a")) == [Fate.NEW]
    pages = file._connection.execute("PRAGMA page_count").fetchone()[0]
    file._connection.execute(f"PRAGMA max_page_count = {pages + 2}").fetchall()
    with pytest.raises(sqlite3.OperationalError) as refused:
        file.append(entries(*"bcdefghijklm"))
    assert is_full(refused.value)
    assert [row.id for row in file.oldest()] == [b"a"]
    assert file.append(entries("a")) == [Fate.SAME]
    file.close()


READ_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from tracking_service.spool.file import SpoolFile
from tracking_service.spool.file import SpoolLock

path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
file = SpoolFile(path, SpoolLock.take(path.with_suffix(".lock")))
print(len(file.oldest()))
"""


def test_what_a_dead_process_left_can_be_read_on_a_full_disk(file: SpoolFile, tmp_path: Path) -> None:
    """It takes no room to be opened, so that what made the disk full can be replayed."""
    file.append(entries("a", "b"))
    left = tmp_path / "left.sqlite"
    for ending in ("", "-wal"):
        shutil.copy(f"{file.path}{ending}", f"{left}{ending}")
    command = [sys.executable, "-c", READ_ON_A_FULL_DISK, str(left)]
    read = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (our own program)
    assert (read.stdout, read.stderr) == ("2\n", "")
    file.remove()


def test_a_disk_without_room_is_not_littered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be made leaves nothing behind, not even its lock."""

    def fail(*_: object, **_named: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("tracking_service.spool.file.open_file", fail)
    folder = SpoolFolder(tmp_path, LIMIT)
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            folder.append(entries("a"))
    assert files(tmp_path) == []


async def test_a_disk_that_cannot_be_written_is_told_of_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many events are refused, for each of which another file was tried."""

    def refuse(path: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(SpoolLock, "take", refuse)
    spool = Spool(tmp_path, LIMIT)
    with capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(ClicktrailError):
                await spool.keep(entries("a"))
    assert [line["cause"] for line in lines] == ["OSError: Read-only file system"]
    await spool.close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EROFS, "The filesystem is full of errors"), False),
        (sqlite3.OperationalError("full"), False),
    ],
)
def test_no_room_is_told_by_codes(error: Exception, *, expected: bool) -> None:
    """Whatever the words are."""
    assert is_full(error) is expected


def test_numbers_are_never_given_twice(file: SpoolFile) -> None:
    """What comes after a removal lies behind it, also when nothing was left."""
    file.append(entries("a", "b"))
    file.remove_through(file.oldest()[-1].number)
    assert file.is_empty()
    file.append(entries("c"))
    assert [row.number for row in file.oldest()] == [3]
    file.remove()


def test_a_commit_is_on_disk_when_it_returns(file: SpoolFile) -> None:
    """SQLite is told to wait for the disk, and writes ahead."""
    pragma = {
        name: file._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")
    }
    assert pragma == {"synchronous": 2, "journal_mode": "wal"}
    file.close()


def test_a_lock_is_one_process_only(tmp_path: Path) -> None:
    """Until it is released; one on a file that is gone locks nothing."""
    lock = SpoolLock.take(tmp_path / "x.lock")
    assert lock is not None
    assert SpoolLock.take(tmp_path / "x.lock") is None
    lock.release()
    again = SpoolLock.take(tmp_path / "x.lock")
    assert again is not None
    again.remove()
    assert not (tmp_path / "x.lock").exists()
