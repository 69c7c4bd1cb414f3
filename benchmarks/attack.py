"""Are others answered while the command socket is attacked? `python benchmarks/attack.py`: for each attack the longest that another tool has waited.

The promise is 100 ms. The attacker is a process of its own; the other tool asks something small all the time that it goes on, from before it begins
until after it ends. What each attack is to lead to (an error or the end of the connection, no change, no memory) is told by tests/master/test_under_attack.py.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
import json
from pathlib import Path
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time

from diffs import SERVE, p99, running, seconds_until
from peers import free_port

from sozu.command import Client
from sozu.command.orders import AddCluster, AddHttpFrontend

SAMPLES = [
    b'{"id":"1","type":"add_backend","cluster":"nobody","address":"127.0.0.1:9001","weight":50}',
    b'{"id":"3","type":"collect","orders":[{"type":"remove_cluster","cluster":"nobody"}]}',
    b'{"id":"4","type":"explain","url":"http://h1.example/","headers":{"a":"b"}}',
    b'{"id":"5","type":"rollback","revision":99999}',
    b'{"id":"6","type":"log","last":2}',
]
PROMISED = 0.1  # seconds
HOSTS = 10_000


def connected(path: str) -> socket.socket:
    tool = socket.socket(socket.AF_UNIX)
    tool.settimeout(30)
    tool.connect(path)
    return tool


def fuzzed(path: str) -> None:
    """Ten thousand messages with a few bytes changed."""
    chance = random.Random(6)
    for _ in range(40):
        with connected(path) as tool:
            for _ in range(250):
                message = bytearray(chance.choice(SAMPLES))
                for _ in range(chance.randint(1, 4)):
                    message[chance.randrange(len(message))] = chance.randint(1, 255)
                tool.sendall(message + b"\0")
            tool.shutdown(socket.SHUT_WR)
            while tool.recv(65536):
                continue


def endless(path: str) -> None:
    """Messages that claim 4 GiB, and are sent until somebody minds."""
    for _ in range(20):
        with connected(path) as tool, suppress(OSError):
            tool.sendall(b'{"id":"1","length":4294967295,"type":"' + b"x" * (64 << 20))


def crowded(path: str) -> None:
    """A thousand connections that say nothing, then half a message each, then nothing again."""
    with ExitStack() as opened:
        tools = [opened.enter_context(connected(path)) for _ in range(1000)]
        for tool in tools:
            with suppress(OSError):
                tool.sendall(b'{"id":"1","type":"status","x":"' + b"x" * 1000)
        time.sleep(1)


def deaf(path: str) -> None:
    """Those who ask for all there is, again and again, and read nothing of it."""
    with ExitStack() as opened:
        for _ in range(20):
            opened.enter_context(connected(path)).sendall(b"".join(b'{"id":"%d","type":"dump_state"}\0' % number for number in range(60)))
        time.sleep(2)


def nested(path: str) -> None:
    """The largest messages there may be, of the kinds that take longest to read."""
    depth, orders = 900_000, b",".join([b'{"type":"add_cluster","cluster":"a","x":1}'] * 45_000)
    for message in (b'{"id":' + b"[" * depth + b"]" * depth + b"}", b'{"id":"1","type":"collect","orders":[' + orders + b"]}") * 3:
        with connected(path) as tool, suppress(OSError):
            tool.sendall(message + b"\0")
            tool.recv(65536)


ATTACKS: dict[str, Callable[[str], None]] = {each.__name__: each for each in (fuzzed, endless, crowded, deaf, nested)}


def waits(client: Client, over: Callable[[], bool]) -> Iterator[float]:
    """Seconds for each of many small requests."""
    while not over():
        for small in ("begin", "abort"):
            began = time.perf_counter()
            client.order({"type": small})
            yield time.perf_counter() - began
        time.sleep(0.002)


@contextmanager
def served(folder: Path) -> Iterator[Path]:
    (folder / "sozu.yaml").write_text(json.dumps({"listeners": [{"protocol": "http", "address": f"127.0.0.1:{free_port()}"}]}))
    with running([*SERVE, "sozu.yaml"], folder, "sozu"):
        path = folder / "sozu.sock"
        seconds_until(path.is_socket)
        with Client(path, timeout=60) as client:
            client.commit(order for n in range(HOSTS) for order in (AddCluster(cluster=f"c{n}"), AddHttpFrontend(cluster=f"c{n}", hostname=f"h{n}.example")))
        time.sleep(1.5)  # the change is over, with all that it leaves to do
        yield path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attack", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.attack:
        name, path = options.attack
        ATTACKS[name](path)
        return
    with tempfile.TemporaryDirectory(prefix="sozu-attack-") as name, served(Path(name)) as path, Client(path, timeout=60) as client:
        for kind in ATTACKS:
            before = client.revision
            with subprocess.Popen([sys.executable, __file__, "--attack", kind, str(path)]) as attacker:
                taken = list(waits(client, lambda: attacker.poll() is not None))
            verdict = "kept" if max(taken) < PROMISED and client.revision == before else "BROKEN"
            print(f"{kind:<10} {len(taken):>5} requests: p99 {p99(taken) * 1000:6.1f} ms, longest {max(taken) * 1000:6.1f} ms: {verdict}")


if __name__ == "__main__":
    main()
