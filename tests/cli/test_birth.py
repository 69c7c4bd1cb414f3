import os
from pathlib import Path
import sys

import pytest

from sozu.birth import NOT_FOR_CHILDREN, bear_worker, born_ahead
from sozu.cli.serve import _likely_workers

PRINTS = (sys.executable, "-c", "import os, socket, sys; socket.socket(fileno=int(sys.argv[2])).sendall(repr(sorted(os.environ)).encode())")


def test_a_worker_is_born_with_its_end_of_a_channel_and_without_the_masters_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NOT_FOR_CHILDREN:
        monkeypatch.setenv(name, "1")
    born = bear_worker(PRINTS)
    with born.channel:
        said = b"".join(iter(lambda: born.channel.recv(65536), b"")).decode()
    os.waitpid(born.pid, 0)
    assert "PATH" in said
    assert not any(name in said for name in NOT_FOR_CHILDREN)


def test_whom_nobody_has_taken_ends_with_the_block() -> None:
    with born_ahead(2, (sys.executable, "-c", "input()")) as born:
        left, taken = born[0], born.pop()
    with pytest.raises(ChildProcessError):
        os.waitpid(left.pid, 0)
    taken.channel.close()
    assert os.waitpid(taken.pid, 0)[0] == taken.pid


def test_who_cannot_be_born_is_left_to_whoever_needs_him() -> None:
    with born_ahead(2, ("/nowhere/sozu", "worker")) as born:
        assert born == []


@pytest.mark.parametrize(
    ("text", "count"),
    [("workers: 4\n", 4), ("a: b\nworkers:   1 # one\n", 1), ("clusters: {}\n", 2), ("  workers: 9\n", 2), ("workers: 5000\n", 2)],
)
def test_how_many_there_will_be_is_seen_at_a_glance(text: str, count: int, tmp_path: Path) -> None:
    file = tmp_path / "sozu.yaml"
    file.write_text(text)
    assert _likely_workers(file) == count


def test_a_pipe_is_not_looked_into(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert _likely_workers(tmp_path / "pipe") == _likely_workers(None) == 2
