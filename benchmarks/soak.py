"""Everything at once, for as long as you like: load, changes, kills, upgrades, faulty backends. Does anybody lose a request?

    python benchmarks/soak.py --minutes 30 --seed 7 --pause 0.02

Clients ask, some with a new connection each time, some on one that is kept. Meanwhile a seeded choice of events strikes: backends come and go,
one refuses every connection for a while, workers are killed, stopped, upgraded, made more or fewer, the master is upgraded, or killed and started again. A request counts
as lost when it was not answered with 200 although nothing has killed the process that held it (reckoning.py has the rules); what a kill excuses is counted apart, as are
kept connections that the proxy has closed between two requests (clients retry those). Each event and each request without an answer has a line. The last lines tell how memory
and descriptors went (by least squares, without the first tenth of the time), and what was lost.
"""

import argparse
from collections import Counter
from contextlib import suppress
import http.client
from itertools import count
import json
import os
from pathlib import Path
import random
import signal
import socket
import statistics
import subprocess
import sys
from tempfile import TemporaryDirectory
import threading
import time
from typing import Any

from reckoning import Blow, Failure, account

from sozu.command.client import Client, ConnectionLost, NoMaster
from sozu.command.orders import AddBackend, AddCluster, RemoveBackend, RemoveCluster
from sozu.command.requests import SetWorkers, Status, UpgradeMaster, UpgradeWorker

ROOT = Path(__file__).parent.parent
ORIGIN = ROOT / "tests" / "e2e" / "origin.py"
PATIENCE = 60.0
PAUSE = (0.5, 3.0)  # seconds between two events
STEADY = 20.0  # seconds between two looks at memory


START = time.monotonic()


def tell(kind: str, **facts: object) -> None:
    """A line of the log: JSON, with the seconds since the start."""
    print(json.dumps({"at": round(time.monotonic() - START, 3), "what": kind, **facts}), flush=True)


class Connection:
    """A connection that one client asks on, and when it was made."""

    def __init__(self, port: int, *, keep: bool) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._keep, self._opened = keep, 0.0
        self._answered: float | None = None

    def ask(self, number: int) -> Failure | None:
        """What went wrong, if anything did; then the next one is asked on a new connection."""
        begun = time.monotonic()
        if self._http.sock is None:
            self._opened, self._answered = begun, None
        try:
            status = self._exchange(number)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, http.client.IncompleteRead) as error:
            return self._failure(begun, repr(error), ended=True, halfway=isinstance(error, http.client.IncompleteRead))
        except (OSError, http.client.HTTPException) as error:
            return self._failure(begun, repr(error))
        self._answered = time.monotonic()
        return None if status == http.HTTPStatus.OK else self._failure(begun, f"status {status}")

    def _exchange(self, number: int) -> int:
        self._http.request("GET", f"/name?{number}", headers={"Host": "any.example", **({} if self._keep else {"Connection": "close"})})
        response = self._http.getresponse()
        response.read()
        return response.status

    def _failure(self, begun: float, why: str, *, ended: bool = False, halfway: bool = False) -> Failure:
        self.close()
        opened, answered = (self._opened, self._answered) if self._keep else (None, None)
        return Failure(begun, time.monotonic(), why, opened, answered, ended, halfway)

    def close(self) -> None:
        self._http.close()


class Clients:
    """Threads that ask, and what became of it."""

    def __init__(self, port: int, short: int, kept: int, pause: float) -> None:
        self.port, self.counts, self._ending = port, Counter[str](), False
        self.blows: list[Blow] = []
        self._pause, self._numbers = pause, count()
        kinds = [False] * short + [True] * kept
        self._threads = [threading.Thread(target=self._ask_on, args=(keep,)) for keep in kinds]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ending = True
        for thread in self._threads:
            thread.join()

    def _ask_on(self, keep: bool) -> None:  # noqa: FBT001 - a thread's arguments have no names
        connection, excused = Connection(self.port, keep=keep), set[int]()
        while not self._ending:
            number = next(self._numbers)
            failure = connection.ask(number)
            outcome = "ok" if failure is None else account(failure, self.blows, excused)
            if failure is not None:
                tell("unanswered", number=number, outcome=outcome, begun=round(failure.begun - START, 3), why=failure.why, kept=keep)
            self.counts[outcome] += 1
            time.sleep(self._pause)
        connection.close()


class Soak:
    """The proxy, and what happens to it."""

    def __init__(self, folder: Path, chance: random.Random, origins: list[str], pause: float) -> None:
        self.folder, self.chance, self.origins = folder, chance, origins
        self.events: Counter[str] = Counter()
        self._more = 0
        clusters = {"all": {"frontends": [{"hostname": "*"}], "backends": origins[:2]}}
        listeners = [{"protocol": "http", "address": "127.0.0.1:0"}]
        settings = {"workers": 2, "access_log": {"path": "./access.log"}, "listeners": listeners, "clusters": clusters}
        (folder / "sozu.yaml").write_text(json.dumps(settings))
        self._start()
        self.port = int(self.status()["listeners"][0]["address"].rpartition(":")[2])
        self.looks: list[tuple[float, dict[str, int]]] = []
        self.clients = Clients(self.port, short=3, kept=3, pause=pause)

    def _start(self) -> None:
        with (self.folder / "log").open("a") as log:
            self.master = subprocess.Popen(
                [sys.executable, "-m", "sozu", "serve", "-c", "sozu.yaml"],
                cwd=self.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log,
            )  # fmt: skip
        until = time.monotonic() + PATIENCE
        while not self._serves() and time.monotonic() < until:
            time.sleep(0.05)

    def _serves(self) -> bool:
        try:
            return any(row["state"] == "running" for row in self.status()["workers"])
        except (NoMaster, ConnectionLost):
            return False

    def ask(self, request: Any) -> Any:
        with Client(self.folder / "sozu.sock", timeout=PATIENCE) as client:
            return client.order(request).data

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = self.ask(Status())
        return told

    def pids(self) -> list[int]:
        return [row["pid"] for row in self.status()["workers"] if row["state"] == "running"]

    def strike(self) -> None:
        """One event."""
        twice = (self.change, self.change, self.fault)
        event = self.chance.choice((*twice, self.kill, self.hang, self.upgrade_worker, self.upgrade, self.staff, self.kill_master))
        self.events[event.__name__] += 1
        begun = time.monotonic()
        event()
        tell(event.__name__, took=round(time.monotonic() - begun, 3))

    def change(self) -> None:
        self._more += 1
        name = f"more-{self._more}"
        self.ask(AddCluster(cluster=name))
        self.ask(AddBackend(cluster="all", address=self.origins[2]))
        self.ask(RemoveBackend(cluster="all", address=self.origins[2], wait=True))
        self.ask(RemoveCluster(cluster=name))

    def fault(self) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{nobody.getsockname()[1]}"
            self.ask(AddBackend(cluster="all", address=address))
            time.sleep(1)
            self.ask(RemoveBackend(cluster="all", address=address, wait=True))

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def hang(self) -> None:
        self._end(signal.SIGSTOP)

    def _end(self, how: signal.Signals) -> None:
        pids = self.pids()
        if len(pids) > 1:
            blow = Blow(self.chance.choice(pids), time.monotonic())
            self.clients.blows.append(blow)
            os.kill(blow.pid, how)
            tell("struck", how=how.name, pid=blow.pid)
            threading.Thread(target=see_it_go, args=(blow,)).start()

    def upgrade_worker(self) -> None:
        self.ask(UpgradeWorker(worker=0))

    def upgrade(self) -> None:
        self.ask(UpgradeMaster())

    def staff(self) -> None:
        self.ask(SetWorkers(count=self.chance.randint(1, 3)))

    def kill_master(self) -> None:
        self.master.kill()
        self.master.wait()
        self._start()

    def look(self) -> dict[str, int]:
        """Of the master, and the most of any worker."""
        workers = self.pids()
        resident = {pid: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4 for pid in (self.master.pid, *workers)}
        files = {pid: len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in resident}
        found = {
            "master_kb": resident[self.master.pid],
            "worker_kb": max(resident[pid] for pid in workers),
            "master_descriptors": files[self.master.pid],
            "worker_descriptors": max(files[pid] for pid in workers),
        }
        self.looks.append((time.monotonic(), found))
        return found

    def trends(self) -> dict[str, float]:
        """By how much each figure rises in ten minutes."""
        looks = self.looks[len(self.looks) // 10 :]
        times = [when / 600 for when, _ in looks]
        if len(set(times)) < 2:
            return {}
        return {f"{name}_per_10_min": round(statistics.linear_regression(times, [found[name] for _, found in looks]).slope, 1) for name in looks[0][1]}

    def end(self) -> int:
        """How many requests were lost."""
        self.clients.end()
        self.master.terminate()
        self.master.wait(PATIENCE)
        counts = self.clients.counts
        lost = sum(count for outcome, count in counts.items() if outcome.startswith("lost"))
        print(json.dumps({"events": self.events, "outcomes": counts}))
        print(json.dumps(self.trends()))
        print(f"lost {lost} of {counts.total()}")
        return lost


def see_it_go(blow: Blow) -> None:
    """Note when a worker is no more: then its connections are closed."""
    stat = Path(f"/proc/{blow.pid}/stat")
    with suppress(FileNotFoundError, ProcessLookupError):
        while stat.read_text().rpartition(")")[2].split()[0] not in "ZX":
            time.sleep(0.02)
    blow.gone = time.monotonic()
    tell("gone", pid=blow.pid)


def origin() -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, str(ORIGIN), "origin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, f"127.0.0.1:{int(process.stdout.readline())}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two requests of a client")
    chosen = parser.parse_args()
    origins = [origin() for _ in range(3)]
    with TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(Path(folder), random.Random(chosen.seed), [address for _, address in origins], chosen.pause)
        until, look = time.monotonic() + chosen.minutes * 60, 0.0
        while time.monotonic() < until:
            soak.strike()
            time.sleep(soak.chance.uniform(*PAUSE))
            if time.monotonic() > look:
                look = time.monotonic() + STEADY
                tell("look", left=round(until - look), **soak.look(), asked=soak.clients.counts.total())
        lost = soak.end()
    for process, _ in origins:
        process.communicate()
    return bool(lost)


if __name__ == "__main__":
    sys.exit(main())
