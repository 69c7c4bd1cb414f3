"""A disk that is full, read-only, or was damaged: the old state stays, service goes on, and the message says what is wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import json
from pathlib import Path
import resource
import shutil
import subprocess

import pytest

from sozu.command.client import Client, RequestRefused
from sozu.command.orders import AddCluster, AddHttpFrontend
from tests.master.served import PATIENCE, Serve, Served

SMALL = 64 << 10  # bytes


@contextmanager
def tmpfs(folder: Path, size: int) -> Iterator[Callable[[str], None]]:
    """A file system of its own in this folder; what is given changes its options."""

    def mount(options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        return shutil.which("mount") is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0

    if not mount(f"size={size}"):
        pytest.skip("mounting is not permitted here: the limit of a file's size stands for the full disk")
    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)

    try:
        yield remount
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(client: Client) -> RequestRefused:
    """Add frontends until one is refused."""
    for number in range(200):
        try:
            client.order(AddHttpFrontend(cluster="blog", hostname="x.y", path=f"/{number}/{'x' * 4000}"))
        except RequestRefused as refused:
            return refused
    pytest.fail("there is room for all")


def still_serves(served: Served, client: Client, refused: RequestRefused, why: str) -> None:
    revision = client.revision
    assert str(refused).startswith("the journal cannot be written: ")
    assert str(refused).endswith(f"{why}; nothing was changed (still at revision {revision})")
    assert served.connect()[2] == revision
    assert served.journal[-1]["revision"] == revision


def test_a_full_disk_refuses_changes_and_nothing_else(serve: Serve, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with tmpfs(disk, SMALL) as remount:
        served = serve(folder=disk)
        with Client(served.socket, timeout=PATIENCE) as client:
            refused = fill(client)
            still_serves(served, client, refused, "No space left on device")
            with pytest.raises(RequestRefused, match="was not written: No space left on device"):
                client.order({"type": "save_state", "path": str(disk / "saved")})
            assert [path.name for path in disk.glob("saved*")] == []
            remount("size=1m")
            again = client.order(AddCluster(cluster="there-is-room"))
            events = [event.kind for event in client.events(since=0, follow=False)]
        served.close()
        assert "journal_failed" in events
        assert serve(folder=disk).status()["revision"] == again.data["revision"]


def test_a_file_that_may_not_grow_refuses_changes_and_nothing_else(serve: Serve) -> None:
    served = serve()
    pid = served.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL, resource.RLIM_INFINITY))
    with Client(served.socket, timeout=PATIENCE) as client:
        still_serves(served, client, fill(client), "File too large")
        saved = served.folder / "saved"
        saved.write_text("what was there before")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
        with pytest.raises(RequestRefused, match="was not written"):
            client.order({"type": "save_state", "path": str(saved)})
        assert saved.read_text() == "what was there before"
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        again = client.order(AddCluster(cluster="there-is-room"))
    served.close()

    assert serve().status()["revision"] == again.data["revision"]


def test_a_disk_that_is_read_only_is_told_at_the_start(serve: Serve, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with tmpfs(disk, SMALL) as remount:
        remount("ro")
        more = f"journal: {disk}/sozu.journal\n"
        assert "Read-only file system; nothing was started" in serve(more=more).told["why"]


def damaged(line: bytes) -> bytes:
    return line.replace(b"add_cluster", b"add_clusteR", 1)


def cut(line: bytes) -> bytes:
    return line[:-20]


@pytest.mark.parametrize(("change", "why"), [(damaged, ":2: damaged: its check does not fit"), (cut, ":2: damaged: its check does not fit")])
def test_a_damaged_journal_is_not_loaded_and_stays_as_it_is(serve: Serve, change: Callable[[bytes], bytes], why: str) -> None:
    served = serve()
    for name in ("one", "two"):
        served.ask(AddCluster(cluster=name))
    served.close()
    journal = served.folder / "sozu.journal"
    first, second, third = journal.read_bytes().splitlines()
    content = b"\n".join([first, change(second), third, b""])
    journal.write_bytes(content)

    assert f"{journal}{why}" in serve().told["why"]
    assert journal.read_bytes() == content


def test_a_journal_that_is_a_link_is_refused(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "sozu.journal").symlink_to(tmp_path / "elsewhere")

    assert "it is a symbolic link; nothing was started" in serve().told["why"]
    assert not (tmp_path / "elsewhere").exists()


def test_a_torn_line_is_dropped_loudly_and_the_rest_is_there(serve: Serve) -> None:
    served = serve()
    served.ask(AddCluster(cluster="whole"))
    served.close()
    with (served.folder / "sozu.journal").open("a") as journal:
        journal.write(json.dumps({"check": "00000000", "revision": 3})[:-5])
    again = serve()

    assert again.status()["revision"] == 2
    with Client(again.socket, timeout=PATIENCE) as client:
        (torn,) = [event for event in client.events(since=0, follow=False) if event.kind == "journal_torn"]
    assert torn.data["dropped"] == "31"
