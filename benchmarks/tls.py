"""What does TLS cost beside nginx and haproxy, with the same certificate? `python benchmarks/tls.py [--key ec|rsa] [--row NAME] [--quick]`.

As traffic.py measures, and read the same way. `tls-handshake` is a new connection for each request; `tls-resumed` too, each going on with the
session of the first (TLS 1.2, by `openssl s_time`); `tls-idle` the resident bytes of a connection that has had one answer.
"""

import argparse
from pathlib import Path
import re
from socket import create_connection
import ssl
from statistics import median
import subprocess
import tempfile
import time

from peers import Proxy, Stage, program, stage
from traffic import Row, Sample, ask, measure

ROWS = [Row("tls-small"), Row("tls-handshake", close=True), Row("tls-1m", "/1m", 8, per_gb=True)]
NAMES = ("nginx", "haproxy", "sozu")
IDLE = 1000  # connections


def resumed(proxy: Proxy, stage: Stage, seconds: int) -> Sample:
    """One connection after the other, each with the session of the first."""
    command = [program("taskset"), "-c", str(stage.other), program("openssl"), "s_time", "-connect", f"127.0.0.1:{proxy.port}"]
    used, began = proxy.cpu(), time.monotonic()
    said = subprocess.run([*command, "-reuse", "-tls1_2", "-www", "/", "-time", str(seconds)], capture_output=True, text=True, check=True).stdout
    used, took = proxy.cpu() - used, time.monotonic() - began
    done = max(int(count) for count in re.findall(r"(\d+) connections in", said))
    assert "r" in said.partition("starting")[2], "no session was resumed"
    return Sample(used / done, done / took, used / 1e6 / took, 0.0, "")


def measure_resumed(stage: Stage, rounds: int, seconds: int) -> None:
    """As `measure` does, with s_time in the place of wrk."""
    proxies = [stage.start(name) for name in NAMES]
    samples: dict[str, list[Sample]] = {proxy.name: [] for proxy in proxies}
    for number in range(rounds):
        for proxy in proxies[:: -1 if number % 2 else 1]:
            samples[proxy.name].append(resumed(proxy, stage, seconds))
    for proxy in proxies:
        stage.stop(proxy)
    print("\ntls-resumed      us/connection   connections/s")
    for name, own in samples.items():
        print(f"  {name:15s}{median(s.cost for s in own):13.2f}{median(s.per_second for s in own):16.0f}")
    for name in NAMES[:-1]:
        ratios = [theirs.cost / ours.cost for theirs, ours in zip(samples[name], samples["sozu"], strict=True)]
        print(f"  sozu beside {name}: {median(ratios):.2f}", flush=True)


def idle_memory(stage: Stage) -> None:
    """Resident bytes per idle TLS connection."""
    print("\ntls-idle (bytes per connection)")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
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
            measure_resumed(made, rounds, seconds)
        if "tls-idle" in wanted:
            idle_memory(made)


if __name__ == "__main__":
    main()
