from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sozu import __version__
from sozu.command.worker_protocol import TakeNames
from sozu.master.workers.lookups import LARGEST, Lookups
from sozu.master.workers.roster import Roster, WorkerState


class Link:
    def __init__(self) -> None:
        self.told: list[TakeNames] = []

    def tell(self, message: TakeNames) -> None:
        self.told.append(message)


def worker(roster: Roster, state: WorkerState = WorkerState.RUNNING, version: str = __version__) -> list[TakeNames]:
    link = Link()
    one: Any = SimpleNamespace(link=link, state=state, version=version)
    roster.join(one)
    return link.told


def lookups(roster: Roster, folder: Path) -> Lookups:
    (folder / "hosts").write_text("127.0.0.1 a\n")
    (folder / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    return Lookups(roster, folder / "hosts", folder / "resolv.conf")


def replace(path: Path, text: str) -> None:
    """As programs do: another file takes its place."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def test_a_file_that_was_replaced_is_told_to_the_workers_once(tmp_path: Path) -> None:
    roster = Roster()
    told, watch = worker(roster), lookups(roster, tmp_path)
    watch.check()
    assert told == []
    replace(tmp_path / "resolv.conf", "nameserver 192.0.2.2\n")
    watch.check()
    watch.check()
    assert told == [TakeNames(hosts="127.0.0.1 a\n", resolvers="nameserver 192.0.2.2\n")]


def test_a_file_that_has_gone_says_nothing(tmp_path: Path) -> None:
    roster = Roster()
    told, watch = worker(roster), lookups(roster, tmp_path)
    (tmp_path / "hosts").unlink()
    watch.check()
    assert told[0].hosts == ""


def test_who_starts_reads_them_himself_and_older_ones_would_not_understand(tmp_path: Path) -> None:
    roster = Roster()
    told = worker(roster, WorkerState.STARTING) + worker(roster, version="0.0.1")
    watch = lookups(roster, tmp_path)
    replace(tmp_path / "hosts", "")
    watch.check()
    assert told == []


def test_a_large_file_is_cut_to_what_fits_into_a_message(tmp_path: Path) -> None:
    roster = Roster()
    told, watch = worker(roster), lookups(roster, tmp_path)
    replace(tmp_path / "hosts", "x" * (LARGEST + 1))
    watch.check()
    assert len(told[0].hosts) == LARGEST
