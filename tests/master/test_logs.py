import os
from pathlib import Path

import pytest

from sozu.command.settings import AccessLog
from sozu.command.worker_protocol import TakeLog
from sozu.master.logs import LogFile
from sozu.master.workers.briefing import give_log
from tests.master.played import Play, give_duplicates


def test_reopening_finds_the_new_file_after_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = LogFile(AccessLog(path=str(path)))
    os.write(log.descriptors[0], b"before\n")
    path.rename(tmp_path / "access.log.1")
    log.reopen()
    os.write(log.descriptors[0], b"after\n")
    log.close()

    assert (tmp_path / "access.log.1").read_text() == "before\n"
    assert path.read_text() == "after\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_log_that_cannot_be_reopened_stays_in_use(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = LogFile(AccessLog(path=str(folder / "access.log")))
    (folder / "access.log").unlink()
    folder.rmdir()
    with pytest.raises(OSError, match="No such file"):
        log.reopen()

    assert os.write(log.descriptors[0], b"still here\n")
    log.close()


def test_a_fifo_that_nobody_reads_is_an_error_and_not_the_end_of_the_master(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="No such device"):
        LogFile(AccessLog(path=str(tmp_path / "fifo")))


def test_a_dash_is_standard_output_and_none_is_no_log() -> None:
    log = LogFile(None)
    log.reopen()

    assert log.descriptors == ()


def test_a_worker_that_cannot_be_given_the_log_keeps_no_other_from_it(tmp_path: Path, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogFile(AccessLog(path=str(tmp_path / "access.log")))
    one, two = play(), play()
    give_duplicates(monkeypatch, False, True)
    give_log([one.worker, two.worker], log)
    log.close()

    message, (descriptor,) = two.channel.receive()
    os.close(descriptor)
    assert isinstance(message, TakeLog)
