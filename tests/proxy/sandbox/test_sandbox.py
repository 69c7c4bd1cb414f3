"""What a worker can no more do. Confinement is for good, so each test has a process of its own."""

import json
import os
from pathlib import Path
import pwd
import socket
import subprocess
import sys
from typing import Any

import pytest

INTRUDER = Path(__file__).with_name("intruder.py")
ROOT = INTRUDER.parents[3]
PATIENCE = 30.0
REFUSED = {
    "read a file": "EACCES",
    "write a file": "EACCES",
    "list a folder": "EACCES",
    "remove a file": "EACCES",
    "fork": "EPERM",
    "exec": "EPERM",
    "spawn": "EPERM",
    "clone3": "ENOSYS",
    "ptrace": "EPERM",
    "kill the master": "EPERM",
    "kill a thread of the master": "EPERM",
    "kill by pidfd": "EPERM",
    "listen": "EPERM",
    "bind": "EPERM",
    "raw network": "EAFNOSUPPORT",
    "become root": "EPERM",
}
ALLOWED = (
    "connect",
    "look up names",
    "look up as the system does",
    "spell an international name",
    "open nothing",
    "open what is open",
    "start a thread",
    "signal itself",
)


@pytest.fixture
def port() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def intruder(path: Path, port: int, *user: str) -> dict[str, Any]:
    path.write_text("for everybody")
    command = [sys.executable, str(INTRUDER), *user, str(port), str(path)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if "the sandbox is required" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_an_intruder_can_do_nothing_but_proxy(tmp_path: Path, port: int) -> None:
    told = intruder(tmp_path / "file", port)

    assert told["tried"] == {**REFUSED, **dict.fromkeys(ALLOWED, "done")}
    assert told["holds"]["no_new_privs"] is told["holds"]["seccomp"] is told["holds"]["capabilities"] is True
    assert told["holds"]["landlock"] >= 1
    assert (tmp_path / "file").read_text() == "for everybody"


def test_a_worker_of_root_becomes_who_is_named(tmp_path: Path, port: int) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    told = intruder(tmp_path / "file", port, "nobody")

    assert told["holds"]["uid"] == pwd.getpwnam("nobody").pw_uid
    assert told["tried"] == {**REFUSED, **dict.fromkeys(ALLOWED, "done")}


def confined(wanted: str, user: str) -> subprocess.CompletedProcess[str]:
    code = f"import json; from sozu.proxy.sandbox import confine; from sozu.command.settings import Sandbox; print(json.dumps(confine(Sandbox({wanted!r}), {user!r})))"
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("wanted", ["auto", "off", "required"])
def test_a_worker_of_root_that_cannot_become_who_is_named_is_none(wanted: str) -> None:
    done = confined(wanted, "nobody-of-that-name")

    assert done.returncode != 0
    assert "cannot become who it should be" in done.stderr
    assert "nobody-of-that-name" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_who_is_named_is_heeded_where_nothing_else_is_given_up() -> None:
    assert json.loads(confined("off", "nobody").stdout) == {"wanted": "off", "user": "nobody", "uid": pwd.getpwnam("nobody").pw_uid}
