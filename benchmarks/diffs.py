"""What does a change cost? `python benchmarks/diffs.py`: one diff, ten thousand at once, a start from the journal; beside the reloads of nginx and haproxy.

Everybody is configured with ten thousand hosts, and measured in the same run. A diff is timed by a connected Client until all workers have
confirmed it; a reload from its signal until a new connection is answered by the new configuration, which is when a reload may be relied upon.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from peers import free_port, program, stage

from sozu.command import Client
from sozu.command.orders import AddBackend, RemoveBackend

NGINX = """
worker_processes 2; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.error; {user}
events {{ worker_connections 2048; }}
http {{ access_log off; server_names_hash_max_size 65536; server_names_hash_bucket_size 128;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
{servers}
}}
"""
NGINX_HOST = "  server {{ listen 127.0.0.1:{port}; server_name h{n}.example; location / {{ proxy_pass http://127.0.0.1:{back}; add_header Seen {mark}; }} }}"
HAPROXY = """
global
  nbthread 2
  maxconn 4000
  stats socket {folder}/haproxy.stats
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:{port}
  http-request return status 200 hdr Seen {mark} if {{ hdr(host) h0.example }}
  use_backend %[req.hdr(host),lower,map({folder}/hosts.map)]
{backends}
"""


SERVE = (sys.executable, "-m", "sozu", "serve", "-c")


def answer(port: int, host: str) -> str:
    """The head of an answer on a new connection; empty if there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as client:
            client.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return client.recv(4096).decode("latin-1")
    except OSError:
        return ""


def accepts(port: int) -> bool:
    """Does the kernel take connections there for somebody?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def seconds_until(condition: Callable[[], bool], most: float = 60.0) -> float:
    """How long it takes; exits after `most` seconds."""
    began = time.perf_counter()
    while not condition():
        if time.perf_counter() - began > most:
            sys.exit("it did not happen in time")
        time.sleep(0.0005)
    return time.perf_counter() - began


@contextmanager
def running(command: list[str], folder: Path, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A program in a process of its own, ended with the block. One of Python finds its byte code from the second time on, as an installed one does."""
    surroundings = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)
    with (folder / f"{name}.out").open("ab") as out:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=surroundings)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def nginx_reload(folder: Path, hosts: int, times: int) -> float:
    """Median seconds of a reload."""
    port, user = free_port(), "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"

    def write(mark: str) -> None:
        servers = "\n".join(NGINX_HOST.format(port=port, n=n, back=9, mark=mark) for n in range(hosts))
        config.write_text(NGINX.format(folder=folder, user=user, servers=servers))

    write("m0")
    command = [program("nginx"), "-c", str(config)]
    with running(command, folder, "nginx"):
        seconds_until(lambda: bool(answer(port, "h0.example")))
        taken = []
        for number in range(1, times + 1):
            # add_header is for answers under 400 only, so the changed host answers by itself.
            write("m0")
            text = config.read_text().replace("server_name h0.example; location / { proxy_pass http://127.0.0.1:9;", "server_name h0.example; location / { return 200 ok;")
            config.write_text(text.replace("add_header Seen m0", f"add_header Seen m{number}", 1))
            began = time.perf_counter()
            subprocess.run([*command, "-s", "reload"], check=True, capture_output=True)
            mark = f"Seen: m{number}\r"
            seconds_until(lambda mark=mark: mark in answer(port, "h0.example"))  # type: ignore[misc]
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def haproxy_start_and_reload(folder: Path, hosts: int, times: int) -> tuple[float, float]:
    """Seconds of the fastest of three starts until it answers, and the median of a reload."""
    port, config = free_port(), folder / "haproxy.cfg"
    (folder / "hosts.map").write_text("\n".join(f"h{n}.example c{n}" for n in range(hosts)))
    backends = "\n".join(f"backend c{n}\n  server s 127.0.0.1:9" for n in range(hosts))

    def write(mark: str) -> None:
        config.write_text(HAPROXY.format(folder=folder, port=port, mark=mark, backends=backends))

    write("m0")
    command = [program("haproxy"), "-W", "-db", "-f", str(config)]

    def started() -> float:
        began = time.perf_counter()
        with running(command, folder, "haproxy"):
            seconds_until(lambda: bool(answer(port, "h0.example")))
            return time.perf_counter() - began

    start = min(started() for _ in range(3))
    with running(command, folder, "haproxy") as master:
        seconds_until(lambda: bool(answer(port, "h0.example")))
        taken = []
        for number in range(1, times + 1):
            write(f"m{number}")
            time.sleep(0.5)  # a signal that comes while the last one is still worked on is lost
            began = time.perf_counter()
            master.send_signal(signal.SIGUSR2)
            mark = f"seen: m{number}\r"
            seconds_until(lambda mark=mark: mark in answer(port, "h0.example").lower())  # type: ignore[misc]
            taken.append(time.perf_counter() - began)
    return start, statistics.median(taken)


class Ours:
    """A master with two workers, configured with so many hosts; that of cluster c1 is answered by an origin."""

    def __init__(self, folder: Path, hosts: int, origin: int) -> None:
        self.folder, self.port = folder, free_port()
        listeners = [{"protocol": "http", "address": f"127.0.0.1:{self.port}"}]
        clusters = {f"c{n}": {"frontends": [{"hostname": f"h{n}.example"}], "backends": ["127.0.0.1:9"]} for n in range(hosts)}
        clusters["c1"]["backends"] = [f"127.0.0.1:{origin}"]
        (folder / "sozu.yaml").write_text(json.dumps({"listeners": listeners, "clusters": clusters}))
        (folder / "bare.yaml").write_text(json.dumps({"command_socket": "./sozu.sock"}))

    @contextmanager
    def serving(self, file: str = "bare.yaml") -> Iterator["subprocess.Popen[bytes]"]:
        """A master that is begun with this file; the journal wins over the bare one."""
        with running([*SERVE, file], self.folder, "sozu") as process:
            seconds_until(lambda: bool(answer(self.port, "h1.example")))
            yield process

    def start(self, file: str = "bare.yaml") -> tuple[float, float]:
        """Seconds from exec until a connection is accepted, and until a request is answered."""
        began = time.perf_counter()
        with running([*SERVE, file], self.folder, "sozu"):
            seconds_until(lambda: accepts(self.port))
            accepted = time.perf_counter() - began
            answered = accepted + seconds_until(lambda: bool(answer(self.port, "h1.example")))
            with self.client() as client:
                client.order(AddBackend(cluster="c2", address="127.0.0.1:9", weight=1))  # from now on the journal wins
                client.order(AddBackend(cluster="c2", address="127.0.0.1:9"))
        return accepted, answered

    def client(self) -> Client:
        seconds_until((self.folder / "sozu.sock").is_socket)
        return Client(self.folder / "sozu.sock", timeout=60)


def diffs(client: Client, count: int) -> list[float]:
    """Seconds until each was confirmed by all workers."""
    taken = []
    for number in range(count):
        began = time.perf_counter()
        client.order(AddBackend(cluster="c2", address="127.0.0.1:9", weight=number % 256))
        taken.append(time.perf_counter() - began)
    return taken


def ask_for(port: int, seconds: float) -> None:
    """Requests one after the other on four connections, as fast as they are answered; prints when and how long, of each."""
    end, told = time.perf_counter() + seconds, list[tuple[float, float]]()

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", port)) as client:
            while (began := time.perf_counter()) < end:
                client.sendall(b"GET / HTTP/1.1\r\nHost: h1.example\r\n\r\n")
                client.recv(65536)
                told.append((began, time.perf_counter() - began))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump(told, sys.stdout)


def p99(values: list[float]) -> float:
    """The value that one in a hundred exceeds."""
    return sorted(values)[min(len(values) - 1, len(values) * 99 // 100)]


def pss(pid: int) -> float:
    """Proportional memory of a process, in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel tells Pss")


def under_saturation(ours: Ours, client: Client, count: int) -> list[float]:
    """The diffs while wrk takes all that two cores have."""
    command = [program("wrk"), "-t2", "-c64", "-d60s", "-H", "Host: h1.example", f"http://127.0.0.1:{ours.port}/"]
    with running(command, ours.folder, "wrk"):
        time.sleep(0.5)
        return diffs(client, count)


def many_at_once(ours: Ours, client: Client, orders: int) -> tuple[float, float, float]:
    """Seconds for a transaction of so many orders; p99 of requests in the second before, and meanwhile."""
    with subprocess.Popen([sys.executable, __file__, "--load", str(ours.port)], stdout=subprocess.PIPE) as load:  # in a process of its own: nobody waits for our own thread
        time.sleep(2)
        began = time.perf_counter()
        client.commit(AddBackend(cluster=f"c{n}", address="127.0.0.1:10") for n in range(2, orders))
        ended = time.perf_counter()
        assert load.stdout is not None
        told = json.load(load.stdout)
    client.commit(RemoveBackend(cluster=f"c{n}", address="127.0.0.1:10") for n in range(2, orders))
    return ended - began, p99([took for when, took in told if began - 1 < when < began]), p99([took for when, took in told if began <= when <= ended])


def whole_process(folder: Path) -> float:
    """Median seconds of `sozu status`."""
    taken = []
    for _ in range(7):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "sozu", "status"], cwd=folder, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--diffs", type=int, default=300)
    parser.add_argument("--reloads", type=int, default=3)
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        ask_for(options.load, 6)
        return
    with tempfile.TemporaryDirectory(prefix="sozu-diffs-") as name:
        folder = Path(name)
        nginx = nginx_reload(folder, options.hosts, options.reloads)
        haproxy_start, haproxy = haproxy_start_and_reload(folder, options.hosts, options.reloads)
        with stage(folder) as peers:
            ours = Ours(folder, options.hosts, peers.origin)
            _, first = ours.start("sozu.yaml")
            accepted, again = map(min, zip(*(ours.start() for _ in range(3)), strict=True))
            with ours.serving() as process, ours.client() as client:
                idle = diffs(client, options.diffs)
                busy = under_saturation(ours, client, options.diffs)
                took, before, during = many_at_once(ours, client, options.hosts)
                memory = pss(process.pid)
                status = whole_process(folder)
    one = statistics.median(idle)
    rows = [
        ("nginx -s reload", f"{nginx * 1000:.0f} ms"),
        ("haproxy: start, reload", f"{haproxy_start * 1000:.0f} ms, {haproxy * 1000:.0f} ms"),
        ("one diff, idle: median, p99", f"{one * 1000:.2f} ms, {p99(idle) * 1000:.2f} ms: 1/{nginx / one:.0f} of nginx's reload, 1/{haproxy / one:.0f} of haproxy's"),
        ("one diff, saturated: median, p99", f"{statistics.median(busy) * 1000:.2f} ms, {p99(busy) * 1000:.2f} ms: 1/{nginx / p99(busy):.0f} of nginx's reload"),
        (f"{options.hosts} orders in one transaction", f"{took:.2f} s; p99 of requests {before * 1000:.1f} ms before, {during * 1000:.1f} ms meanwhile"),
        ("start: from the file, from the journal", f"{first:.2f} s, {again:.2f} s: {again / haproxy_start:.1f} times haproxy's; accepts after {accepted:.2f} s"),
        ("master's memory", f"{memory:.0f} MB (PSS)"),
        ("sozu status, the whole process", f"{status * 1000:.0f} ms"),
    ]
    for what, value in rows:
        print(f"{what:<40} {value}")


if __name__ == "__main__":
    main()
