import logging
import os
from pathlib import Path
import stat
from types import SimpleNamespace
from typing import Any

import pytest

from sozu.master.workers.suspects import MOST_REMEMBERED, Suspects, last_head

HEAD = b"GET /poison HTTP/1.1\r\nHost: bad.example\r\nCookie: secret\r\n\r\n"


def memory(content: bytes) -> int:
    """What a worker has shown us."""
    witness = os.memfd_create("witness")
    os.ftruncate(witness, 16384)
    os.pwrite(witness, content, 0)
    return witness


def worker(content: bytes, slot: int = 0) -> Any:
    link = SimpleNamespace(witness=memory(content))
    link.take_witness = lambda: link.__dict__.pop("witness", None)
    return SimpleNamespace(slot=slot, process=SimpleNamespace(pid=4711), link=link)


def test_what_is_no_memory_has_no_head() -> None:
    ours, theirs = os.pipe()
    assert last_head(ours) == b""
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def suspects(tmp_path: Path) -> Suspects:
    return Suspects(str(tmp_path / "sozu.sock"))


def named(suspects: Suspects, content: bytes, fate: str = "signal SIGSEGV", slot: int = 0) -> None:
    one = worker(content, slot)
    suspects.name(one, fate)
    suspects.forget(one)


@pytest.mark.parametrize(
    ("content", "head"),
    [
        (HEAD, HEAD),
        (HEAD + b"a body", HEAD),
        (HEAD + b"GET /the one before HTTP/1.1\r\n\r\n", HEAD),
        (b"GET /no-end", b"GET /no-end"),
        (b"", b""),
        (b"\0ET / HTTP/1.1\r\n\r\n", b""),
    ],
)
def test_the_head_that_begins_the_memory_is_the_last_one(content: bytes, head: bytes) -> None:
    witness = memory(content)
    assert last_head(witness) == head
    os.close(witness)


def test_a_worker_that_has_shown_nothing_has_no_last_head() -> None:
    assert last_head(None) == b""


def test_the_log_names_it_and_a_file_keeps_it(suspects: Suspects, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    named(suspects, HEAD)
    (line,) = caplog.messages
    assert "slot=0 pid=4711 fate='signal SIGSEGV' times=1 request='GET /poison HTTP/1.1' host='bad.example'" in line
    assert "secret" not in line
    kept = tmp_path / "sozu.sock.suspect-0"
    assert repr(str(kept)) in line
    assert kept.read_bytes() == HEAD
    assert stat.S_IMODE(kept.stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def test_one_that_comes_again_is_counted_whatever_worker_it_meets(suspects: Suspects, caplog: pytest.LogCaptureFixture) -> None:
    named(suspects, HEAD, slot=0)
    named(suspects, HEAD, "it hangs", slot=1)
    assert ["times=1" in caplog.messages[0], "times=2" in caplog.messages[1]] == [True, True]


def test_a_worker_that_served_nobody_names_nobody(suspects: Suspects, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    named(suspects, b"")
    assert (caplog.messages, list(tmp_path.iterdir())) == ([], [])


def test_what_cannot_be_kept_is_named_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    named(Suspects("/nowhere/sozu.sock"), HEAD)
    assert "GET /poison" in caplog.messages[0]
    assert "No such file" in caplog.messages[0]


def test_so_many_are_remembered_and_no_more(suspects: Suspects, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    named(suspects, HEAD)
    for number in range(MOST_REMEMBERED):
        named(suspects, b"GET /%d HTTP/1.1\r\n\r\n" % number)
    named(suspects, HEAD)
    assert "times=1" in caplog.messages[-1]
