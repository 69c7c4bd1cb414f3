"""A master in a process of its own, whose workers are scripted, as tests see it."""

from collections.abc import Callable
from dataclasses import dataclass
import json
import os
from pathlib import Path
import select
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest

from sozu.command.client import Client
from sozu.command.orders import Order
from sozu.command.requests import Request
from tests.procfs import children

HERE = Path(__file__).parent
PATIENCE = 60.0

CONFIGURATION = """
command_socket: ./sozu.sock
workers: {workers}
listeners: [{{protocol: http, address: "127.0.0.1:0"}}]
clusters: {{blog: {{frontends: [{{hostname: blog.example.com}}], backends: ["127.0.0.1:9001"]}}}}
"""


@dataclass
class Served:
    process: subprocess.Popen[str]
    folder: Path
    told: dict[str, Any]

    @property
    def socket(self) -> Path:
        return self.folder / "sozu.sock"

    @property
    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "sozu.journal").read_text().splitlines()]

    def ask(self, request: Order | Request | dict[str, Any]) -> list[Any]:
        """All answers; the last one is OK."""
        with Client(self.socket, timeout=PATIENCE) as client:
            return list(client.ask(request))

    def status(self) -> dict[str, Any]:
        data: dict[str, Any] = self.ask({"type": "status"})[-1].data
        return data

    def workers(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.status()["workers"]
        return rows

    def connect(self, address: str = "") -> tuple[int, int, int]:
        """Slot, pid and revision of the worker that took a connection."""
        host, _, port = (address or self.told["listeners"][0]).rpartition(":")
        with socket.create_connection((host, int(port)), PATIENCE) as connection:
            slot, pid, revision = connection.makefile().read().split()
        return int(slot), int(pid), int(revision)

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def log(self) -> str:
        return (self.folder / "stderr").read_text()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=PATIENCE)


Serve = Callable[..., Served]


def start(folder: Path, *manners: str, workers: int = 2, text: str = CONFIGURATION, more: str = "") -> Served:
    folder.mkdir(exist_ok=True)
    file = folder / "sozu.yaml"
    file.write_text(text.format(workers=workers) + more)
    command = [sys.executable, str(HERE / "serve_scripted.py"), str(file), *manners]
    with (folder / "stderr").open("a") as stderr:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)},
        )
    return Served(process, folder, announced(process, folder / "stderr"))


def announced(process: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    """What it prints when it serves, or when it cannot. A master that says nothing is ended, with its workers."""
    assert process.stdout is not None
    if select.select([process.stdout], [], [], PATIENCE)[0] and (line := process.stdout.readline()):
        told: dict[str, Any] = json.loads(line)
        return told
    if process.poll() is None:
        for pid in (*children(process.pid), process.pid):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    pytest.fail(f"the master said nothing; its log:\n{log.read_text()}")
