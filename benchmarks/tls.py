"""What does TLS cost beside nginx and haproxy, with the same certificate? `python benchmarks/tls.py [--key ec|rsa] [--row NAME] [--quick]`.

As traffic.py measures, and read the same way. `tls-handshake` is a new connection for each request; `tls-resumed` too, each going on with the
session of an earlier one, in TLS 1.2 and 1.3; `tls-idle` the resident bytes of a connection that has had one answer.
"""

import argparse
from pathlib import Path
from socket import create_connection
import ssl
from statistics import median
import tempfile
import time

from peers import Proxy, Stage, stage
from traffic import Row, Sample, ask, load, measure

ROWS = [Row("tls-small"), Row("tls-handshake", close=True), Row("tls-1m", "/1m", 8, per_gb=True)]
NAMES = ("nginx", "haproxy", "sozu")
VERSIONS = ("TLSv1.2", "TLSv1.3")
IDLE = 1000  # connections


def measure_resumed(stage: Stage, version: str, rounds: int, seconds: int) -> None:
    """As `measure` does, with an nginx before each proxy that has sessions to go on with, as wrk has not."""
    row = Row("resumed")
    proxies = [stage.start(name) for name in NAMES]
    relays = {proxy.name: stage.relay(proxy, version) for proxy in proxies}
    samples: dict[str, list[Sample]] = {proxy.name: [] for proxy in proxies}
    for number in range(rounds + 1):
        for proxy in proxies[:: -1 if number % 2 else 1]:
            check_resumed(proxy, version)
            used, began = proxy.cpu(), time.monotonic()
            asked = load(relays[proxy.name], row, stage, seconds)
            used, took = proxy.cpu() - used, time.monotonic() - began
            done = asked.per_second * took
            if number:  # in the first one pools fill
                samples[proxy.name].append(Sample(used / done, done / took, used / 1e6 / took, asked.p99, asked.failures))
    for proxy in (*relays.values(), *proxies):
        stage.stop(proxy)
    report(f"tls-resumed, {version}", samples)


def check_resumed(proxy: Proxy, version: str) -> None:
    """Let a session go on, else the row is about something else."""
    context, session = client_context(), None
    context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    for number in range(2):
        with context.wrap_socket(create_connection(("127.0.0.1", proxy.port), 10), server_hostname="www.example.com", session=session) as connection:
            ask([connection])
            session = connection.session
            assert connection.session_reused is bool(number), proxy.name


def report(title: str, samples: dict[str, list[Sample]]) -> None:
    print(f"\n{title}\n  {'':15s} us/request  requests/s  busy")
    for name, own in samples.items():
        print(f"  {name:15s}{median(s.cost for s in own):11.2f}{median(s.per_second for s in own):12.0f}{median(s.busy for s in own):6.2f}  {own[0].failures}")
    for name in NAMES[:-1]:
        ratios = [theirs.cost / ours.cost for theirs, ours in zip(samples[name], samples["sozu"], strict=True)]
        print(f"  sozu beside {name}: {median(ratios):.2f}", flush=True)


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def idle_memory(stage: Stage) -> None:
    """Resident bytes per idle TLS connection."""
    print("\ntls-idle (bytes per connection)")
    context = client_context()
    for name in NAMES:
        proxy = stage.start(name)
        warm = [connect(proxy, context) for _ in range(64)]
        ask(warm)  # what is made at first use is made; closed, they would leave some proxies room for others, and some give it back to the system
        time.sleep(3)  # idle is who has been so for a while
        before = proxy.resident()
        idle = [connect(proxy, context) for _ in range(IDLE)]
        ask(idle)
        time.sleep(3)
        print(f"  {name:15s}{(proxy.resident() - before) / len(idle):11.0f}", flush=True)
        for connection in warm + idle:
            connection.close()
        stage.stop(proxy)


def connect(proxy: Proxy, context: ssl.SSLContext) -> ssl.SSLSocket:
    """With a handshake that is over."""
    return context.wrap_socket(create_connection(("127.0.0.1", proxy.port), 10), server_hostname="www.example.com")


def main() -> None:
    names = [*(row.name for row in ROWS), "tls-resumed", "tls-idle"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--key", choices=("ec", "rsa"), default="ec", help="P-256 or RSA-2048")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of load, per proxy and round")
    parser.add_argument("--quick", action="store_true", help="one round of one second: does it run at all? No verdict")
    options = parser.parse_args()
    rounds, seconds = (1, 1) if options.quick else (options.rounds, options.seconds)
    wanted = options.row or names
    with tempfile.TemporaryDirectory(prefix="tls-") as folder, stage(Path(folder), key=options.key) as made:
        for row in ROWS:
            if row.name in wanted:
                measure(row, row.proxies, made, rounds, seconds)
        if "tls-resumed" in wanted:
            for version in VERSIONS:
                measure_resumed(made, version, rounds, seconds)
        if "tls-idle" in wanted:
            idle_memory(made)


if __name__ == "__main__":
    main()
