"""Programs that a test runs: the proxy, origins, peers. Each is ended by its own pid, whatever became of the test."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
import json
import os
from pathlib import Path
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from types import MappingProxyType
from typing import IO, Any, Self

import pytest

from sozu.command.answers import Answer
from sozu.command.client import Client
from sozu.command.orders import Order
from sozu.command.requests import Request, Status
from tests.procfs import children

LIMIT = 60.0  # seconds until a test that waits for a process gives up; nothing depends on its length
ROOT = Path(__file__).parent.parent.parent
ORIGIN = Path(__file__).with_name("origin.py")


class Lines:
    """What a program prints, line by line, and all of it for the report of a failure."""

    def __init__(self, stream: IO[str]) -> None:
        self.seen: list[str] = []
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def until(self, pattern: str) -> re.Match[str]:
        """The first further line that matches; fails when the output ends or falls silent before."""
        while True:
            try:
                line = self._queue.get(timeout=LIMIT)
            except queue.Empty:
                line = None
            if line is None:
                self._queue.put(None)
                pytest.fail(f"no line like {pattern!r} in:\n" + "\n".join(self.seen))
            self.seen.append(line)
            if found := re.search(pattern, line):
                return found

    def so_far(self) -> list[str]:
        """All lines that have come; `until` looks only at later ones."""
        while not self._queue.empty():
            line = self._queue.get()
            if line is None:
                self._queue.put(None)
                break
            self.seen.append(line)
        return self.seen

    def rest(self) -> list[str]:
        """All lines, once the program has ended."""
        self._reader.join(LIMIT)
        while (line := self._queue.get()) is not None:
            self.seen.append(line)
        self._queue.put(None)
        return self.seen


class Proxy:
    """A `sozu serve` in a process of its own, with its command socket in `folder`; `through` is a command that execs what follows it."""

    def __init__(self, folder: Path, *arguments: str, environ: Mapping[str, str] = MappingProxyType({}), through: Sequence[str] = ()) -> None:
        self.folder = folder
        self.socket = folder / "sozu.sock"
        self.process = subprocess.Popen(
            [*through, sys.executable, "-m", "sozu", "serve", *arguments],
            cwd=folder,
            env=environment(**environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.lines = Lines(self.process.stdout)
        try:
            self.port = int(self.lines.until(r"http://127\.0\.0\.1:(\d+)").group(1))
            self.lines.until(r"sozu status")
        except BaseException:
            self.close()
            raise

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One verb of the command line, as a whole process."""
        done = run_sozu(*arguments, folder=self.folder)
        if check:
            assert done.returncode == 0, done
        return done

    def ask(self, request: Order | Request) -> Answer:
        """One order or request, as a tool in this process: quicker than a verb of the command line, which is a process of its own."""
        with Client(self.socket, timeout=LIMIT) as client:
            return client.order(request)

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = self.ask(Status()).data
        return told

    def worker_pids(self) -> list[int]:
        return [worker["pid"] for worker in self.status()["workers"]]

    def full_house(self) -> list[int]:
        """The pids of all workers, once there is one that runs in each slot."""
        later = threading.Event()
        for _ in range(int(LIMIT / 0.05)):
            workers = self.status()["workers"]
            if all(worker["state"] == "running" for worker in workers):
                return [worker["pid"] for worker in workers]
            later.wait(0.05)
        pytest.fail("a slot stays empty")

    def wait(self) -> int:
        """The exit code, once it has ended by itself."""
        return self.process.wait(LIMIT)

    def close(self) -> None:
        """Stop it, hard if it must be; then reap."""
        if self.process.poll() is None:
            # The second SIGINT is the hard stop: what a test has left open need not be waited for.
            self.process.send_signal(signal.SIGINT)
            self.process.send_signal(signal.SIGINT)
            self._end()
        self.lines.rest()

    def _end(self) -> None:
        workers = children(self.process.pid)
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            # Workers outlive a master that dies: they are ours to end as well.
            for pid in (self.process.pid, *workers):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_sozu(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sozu", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def environment(**more: str) -> Mapping[str, str]:
    """Ours, without what would point the command line at another master."""
    kept = {name: value for name, value in os.environ.items() if name not in {"SOZU_SOCKET", "XDG_RUNTIME_DIR"}}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


@contextmanager
def origin(name: str = "origin") -> Iterator[str]:
    """An origin of our own; its address."""
    process = subprocess.Popen(
        [sys.executable, str(ORIGIN), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        with process.stdout as told:
            port = int(told.readline())
        yield f"127.0.0.1:{port}"
    finally:
        process.communicate()


def configuration(folder: Path, clusters: Mapping[str, Mapping[str, Any]], **settings: Any) -> Path:
    """A file with one listener on a port of the kernel's choice (JSON is YAML)."""
    listeners = [{"protocol": "http", "address": "127.0.0.1:0"}]
    path = folder / "sozu.yaml"
    path.write_text(json.dumps({"listeners": listeners, "clusters": clusters, **settings}))
    return path


def every_host(*backends: str) -> dict[str, dict[str, Any]]:
    """The clusters of a file that sends everything to these."""
    return {"all": {"frontends": [{"hostname": "*"}], "backends": list(backends)}}


def peer(program: str) -> str:
    """The path of a foreign program; without it the test is skipped, or fails where peers are required."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        reason = f"{program} is not installed (docs/testing.md)"
        if os.environ.get("SOZU_REQUIRE_PEERS"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run_peer(command: Sequence[str]) -> str:
    """What a foreign program prints; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * LIMIT, check=False)
    assert done.returncode == 0, done
    return done.stdout
