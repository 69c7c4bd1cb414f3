"""What does a request cost in us of processor time, beside Debian's nginx and haproxy doing the same? `python benchmarks/traffic.py [--quick]`.

Each proxy has one worker on one core; wrk and the origin share another one. Rounds alternate between the proxies, there and back, so that a slow minute
of the machine hits all of them; the cost is CPU time of the whole family of processes per request, or per GB, which holds also where the cores
are shared with others. `beside X` is the cost of X divided by ours in the same round, the median of the rounds: 1.00 is as cheap, 2.00 twice as
cheap. Where small requests run beside large downloads it is the slowest in a hundred of them that counts (p99). Throughput is
shown too, and means something when `busy` is near 1. nginx beside itself comes out between 0.9 and 1.1 on a shared machine.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import re
import socket
from statistics import median
import subprocess
import tempfile
import time

from peers import Proxy, Stage, program, stage

UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6}
IDLE = 2000  # connections
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
BROWSER = {
    "User-Agent": AGENT,
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7,fr;q=0.3",
    "Accept-Encoding": "gzip, deflate, br",
    "Cookie": "session=5f2b8c1d9e0a47b3a6c4e8d7f1029384; theme=light",
    "Referer": "http://www.example.com/posts?page=2",
}
# 20,000 heads, so that nothing keyed by a head pays: path, Cookie and Referer differ.
DISTINCT = """
local made, at = {}, 0
function init()
  for i = 1, 20000 do
    made[i] = wrk.format("GET", "/item/" .. i, {Host = "www.example.com", ["User-Agent"] = "AGENT", Accept = "text/html,*/*;q=0.8",
      ["Accept-Language"] = "en-GB,en;q=0.7,fr;q=0.3", ["Accept-Encoding"] = "gzip, deflate, br",
      Cookie = string.format("session=%032x; theme=light", i * 7919), Referer = "http://www.example.com/posts?page=" .. i})
  end
end
function request() at = at % #made + 1; return made[at] end
"""


@dataclass(frozen=True)
class Row:
    """One kind of load; `per_gb` rows cost by what reached the client, the others by request."""

    name: str
    path: str = "/"
    connections: int = 32
    close: bool = False
    distinct: bool = False
    per_gb: bool = False
    downloads: int = 0  # of 100 MB each, at once, by somebody else

    @property
    def proxies(self) -> list[str]:
        return ["nginx", "haproxy", *(["haproxy-splice"] if self.per_gb or self.downloads else []), "sozu"]

    def beside(self, options: argparse.Namespace) -> list[str]:
        """Whom to set beside each other."""
        return ["sozu", "sozu-features"] if options.with_features else self.proxies


ROWS = [
    Row("small-repeated"),
    Row("small-distinct", distinct=True),
    Row("new-connection", close=True),
    Row("body-64k", "/64k", 16, per_gb=True),
    Row("body-1m", "/1m", 8, per_gb=True),
    Row("body-100m", "/100m", 4, per_gb=True),
    Row("small-beside-100m", connections=8, downloads=4),
]


@dataclass(frozen=True)
class Sample:
    """One run of wrk against one proxy."""

    cost: float
    per_second: float
    busy: float
    p99: float
    failures: str


def load(proxy: Proxy, row: Row, stage: Stage, seconds: int) -> Sample:
    """Run wrk, and see what the proxy used meanwhile."""
    script = stage.folder / "distinct.lua"
    script.write_text(DISTINCT.replace("AGENT", AGENT))
    command = [*wrk(stage, row.connections, seconds), "--latency"]
    for name, value in ({"Connection": "close"} if row.close else {} if row.per_gb else BROWSER).items():
        command += ["-H", f"{name}: {value}"]
    command += ["-s", str(script)] if row.distinct else []
    used, began = proxy.cpu(), time.monotonic()
    with downloading(proxy, row.downloads, stage, seconds):
        said = subprocess.run([*command, f"{proxy.scheme}://127.0.0.1:{proxy.port}{row.path}"], capture_output=True, text=True, check=True).stdout
    used, took = proxy.cpu() - used, time.monotonic() - began
    found = re.search(r"(\d+) requests in [\d.]+\w+, ([\d.]+)([KMG]?B) read", said)
    slowest = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", said)
    assert found is not None, said
    done = int(found[1])
    amount = float(found[2]) * UNITS[found[3]] / 1e9 * 1e6 if row.per_gb else done  # seconds per GB, or us per request
    p99 = float(slowest[1]) * MICROSECONDS[slowest[2]] if slowest else 0.0
    failures = "; ".join(re.findall(r"Socket errors: .*|Non-2xx or 3xx responses: \d+", said))
    return Sample(used / max(amount, 1e-9), done / took, used / 1e6 / took, p99, failures)


def wrk(stage: Stage, connections: int, seconds: int) -> list[str]:
    return ["taskset", "-c", str(stage.other), program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]


@contextmanager
def downloading(proxy: Proxy, downloads: int, stage: Stage, seconds: int) -> Iterator[None]:
    """So many large downloads at once, for a little longer than the load beside them."""
    if not downloads:
        yield
        return
    # What the downloads' client needs of the core that it shares with the measuring one is no fault of the proxy's.
    command = [program("nice"), "-n", "10", *wrk(stage, downloads, seconds + 1), f"http://127.0.0.1:{proxy.port}/100m"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        time.sleep(0.2)  # they have begun
        yield
        assert process.poll() is None, "the downloads ended first"


def measure(row: Row, names: Sequence[str], stage: Stage, rounds: int, seconds: int) -> None:
    """Alternate the proxies and print what came out."""
    proxies = [stage.start(name) for name in names]
    samples: dict[str, list[Sample]] = {proxy.name: [] for proxy in proxies}
    for proxy in proxies:
        load(proxy, row, stage, 1)  # pools fill, and files come into the page cache
    for number in range(rounds):
        for proxy in proxies[:: -1 if number % 2 else 1]:
            samples[proxy.name].append(load(proxy, row, stage, seconds))
    for proxy in proxies:
        stage.stop(proxy)
    print(f"\n{row.name}\n  {'':15s}{'s/GB' if row.per_gb else 'us/request':>11s}{'requests/s':>12s}{'busy':>6s}{'p99 us':>9s}")
    for name, own in samples.items():
        figures = [median(values) for values in zip(*((s.cost, s.per_second, s.busy, s.p99) for s in own), strict=True)]
        print(f"  {name:15s}{figures[0]:11.2f}{figures[1]:12.0f}{figures[2]:6.2f}{figures[3]:9.0f}  {own[0].failures}")
    for name, theirs in samples.items():
        if name != "sozu":
            pairs = list(zip(theirs, samples["sozu"], strict=True))
            if row.downloads:
                print(f"  sozu's p99 in p99s of {name}: {median(our.p99 / their.p99 for their, our in pairs):.2f}", flush=True)
            else:
                print(f"  sozu beside {name}: {median(their.cost / our.cost for their, our in pairs):.2f}", flush=True)


def idle_memory(stage: Stage) -> None:
    """Resident bytes per idle keep-alive connection, each of which has had one answer."""
    print("\nidle-memory (bytes per connection)")
    for name in ("nginx", "haproxy", "sozu"):
        proxy = stage.start(name)
        ask([connect(proxy) for _ in range(64)])  # what is made at first use is made
        time.sleep(0.5)  # and what the master imports once it has started
        before = proxy.resident()
        idle = [connect(proxy) for _ in range(IDLE)]
        ask(idle)
        time.sleep(0.5)
        print(f"  {name:15s}{(proxy.resident() - before) / len(idle):11.0f}", flush=True)
        for connection in idle:
            connection.close()
        stage.stop(proxy)


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), 10)


def ask(connections: Sequence[socket.socket]) -> None:
    """One request on each."""
    for connection in connections:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        answer = b""
        while not answer.endswith(b"x" * 200):
            piece = connection.recv(4096)
            assert piece, answer
            answer += piece


def main() -> None:
    names = [*(row.name for row in ROWS), "idle-memory"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of load, per proxy and round")
    parser.add_argument("--with-features", action="store_true", help="sozu beside itself with all that a cluster can say (features.yaml), which no request asks for")
    parser.add_argument("--no-memo", action="store_true", help="sozu reads each head anew, also one that it has just read")
    parser.add_argument("--quick", action="store_true", help="one round of one second: does it run at all? No verdict")
    options = parser.parse_args()
    os.environ["SOZU_HEAD_MEMO"] = "off" if options.no_memo else "on"
    rounds, seconds = (1, 1) if options.quick else (options.rounds, options.seconds)
    with tempfile.TemporaryDirectory(prefix="traffic-") as folder, stage(Path(folder)) as made:
        for row in ROWS:
            if row.name in (options.row or names):
                measure(row, row.beside(options), made, rounds, seconds)
        if "idle-memory" in (options.row or names) and not options.with_features:
            idle_memory(made)


if __name__ == "__main__":
    main()
