"""Does a request cost more if there are ten thousand hosts? `python benchmarks/hosts.py [--quick]`, beside nginx with as many.

Three times the same load: a proxy with one host, one with ten thousand of two prefixes each where one is asked for, and one where all are, at random. Then
what belongs to a host has left the processor's cache before it is asked for again, which is all of the difference. Heads are
either the same for each request to a host, or never the same. CPU time per request, and beside the first, as the median of rounds.
"""

import argparse
from pathlib import Path
import re
from statistics import median
import subprocess
import tempfile

from peers import HOSTS, Proxy, Stage, program, stage

CONNECTIONS = 32
LOAD = """
local hosts, paths, at = HOSTS, PATHS, 0
function init() math.randomseed(7) end
function request()
  at = at + 1
  return wrk.format("GET", paths and "/item/" .. at or "/", {Host = "h" .. math.random(0, hosts - 1) .. ".example.com"})
end
"""
LOADS = {"one of one": ("", 1), "one of 10,000": ("-hosts", 1), "10,000 at random": ("-hosts", len(HOSTS))}


def microseconds(proxy: Proxy, place: Stage, *, hosts: int, distinct: bool, seconds: int) -> float:
    """Of CPU time per request."""
    script = place.folder / "hosts.lua"
    script.write_text(LOAD.replace("HOSTS", str(hosts)).replace("PATHS", str(distinct).lower()))
    command = ["taskset", "-c", str(place.other), program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    before = proxy.cpu()
    said = subprocess.run([*command, f"http://127.0.0.1:{proxy.port}/"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+) requests in", said)
    assert found is not None, said
    assert "Non-2xx" not in said, said
    return (proxy.cpu() - before) / int(found[1])


def measure(name: str, place: Stage, *, distinct: bool, rounds: int, seconds: int) -> None:
    """Alternate the loads and print what came out."""
    proxies = {more: place.start(name + more) for more in ("", "-hosts")}
    samples: dict[str, list[float]] = {load: [] for load in LOADS}
    for number in range(-1, rounds):
        for load, (more, hosts) in list(LOADS.items())[:: -1 if number % 2 else 1]:
            cost = microseconds(proxies[more], place, hosts=hosts, distinct=distinct, seconds=seconds)
            if number >= 0:  # in the first, each host is met for the first time
                samples[load].append(cost)
    for proxy in proxies.values():
        place.stop(proxy)
    first, *_ = samples.values()
    columns = "".join(f"{median(own):8.2f} ({median(each / base for each, base in zip(own, first, strict=True)):.2f})" for own in samples.values())
    print(f"{name:8}{'distinct' if distinct else 'repeated':10}{columns}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=2, help="of load, per kind and round")
    parser.add_argument("--quick", action="store_true", help="one round of one second: does it run at all? No verdict")
    options = parser.parse_args()
    rounds, seconds = (1, 1) if options.quick else (options.rounds, options.seconds)
    print(f"{'us a request (beside the first)':18}{'':3}" + "".join(f"{load:>15}" for load in LOADS))
    with tempfile.TemporaryDirectory(prefix="hosts-") as folder, stage(Path(folder)) as place:
        for distinct in (True, False):
            for name in ("sozu", "nginx"):
                measure(name, place, distinct=distinct, rounds=rounds, seconds=seconds)


if __name__ == "__main__":
    main()
