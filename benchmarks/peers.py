"""The proxies that benchmarks/traffic.py sets beside each other, with configurations that ask the same work of all of them.

Each adds X-Forwarded-For, -Proto and -Port, Forwarded and an id, keeps connections on both sides, and runs one worker on one core. nginx and we
write an access log. Everything lives in one temporary folder and listens on loopback, at ports that the kernel chose.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import signal
import socket
import subprocess
import sys
import time

SMALL = "x" * 200
SIZES = {"64k": 1 << 16, "1m": 1 << 20, "100m": 100 << 20}

NGINX = """
worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.error; {user}
events {{ worker_connections 8192; }}
http {{
  default_type text/plain; keepalive_timeout 600s; keepalive_requests 1000000000; tcp_nodelay on; sendfile on;
  client_body_temp_path {folder}/{name}.a; proxy_temp_path {folder}/{name}.b; fastcgi_temp_path {folder}/{name}.c;
  uwsgi_temp_path {folder}/{name}.d; scgi_temp_path {folder}/{name}.e;
  {http}
}}
"""
NGINX_ORIGIN = """access_log off;
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location = / {{ return 200 "{small}"; }} location /item/ {{ return 200 "{small}"; }} location / {{ root {folder}; }} }}"""
NGINX_TLS = "ssl_certificate {folder}/both.pem; ssl_certificate_key {folder}/both.pem; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on;\n  "
NGINX_PASS = """proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Port $server_port;
    proxy_set_header Forwarded "proto=$scheme;for=$remote_addr:$remote_port;by=$server_addr:$server_port";
    proxy_set_header Sozu-Id $request_id; add_header Sozu-Id $request_id;"""
NGINX_PROXY = """log_format same '$time_iso8601 $request_id $remote_addr $request_method $host $request_uri $status $request_time $bytes_sent';
  access_log {folder}/nginx.access same buffer=64k; proxy_max_temp_file_size 0;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 512; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} {tls} backlog=4096; location / {{ {passing} }} }}
  {more}"""
NGINX_HOST = "server {{ listen 127.0.0.1:{port}; server_name {name}; location / {{ {passing} }} location /api {{ {passing} }} }}\n"
NGINX_HASH = "server_names_hash_max_size 65536; server_names_hash_bucket_size 128;\n  "
NGINX_RELAY = """access_log off;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{
    proxy_pass https://127.0.0.1:{origin}; proxy_http_version 1.1; proxy_set_header Host www.example.com; proxy_set_header Connection close;
    proxy_ssl_server_name on; proxy_ssl_name www.example.com; proxy_ssl_session_reuse on; proxy_ssl_protocols {version}; }} }}"""
HAPROXY = """
global
  nbthread 1
  maxconn 2000
  {tuned}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  option {splice}
  http-reuse always
frontend front
  bind 127.0.0.1:{port} {tls} backlog 4096
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Port {port}
  http-request set-header Forwarded proto=http;for=%[src]:%[src_port];by=%[dst]:{port}
  unique-id-format %[uuid]
  unique-id-header Sozu-Id
  http-response set-header Sozu-Id %[unique-id]
  default_backend origin
backend origin
  server one 127.0.0.1:{origin} pool-max-conn 512
"""
TUNED = "tune.bufsize 262144\n  tune.pipesize 1048576\n  maxpipes 200"
OURS = """
command_socket: ./{name}.sock
workers: 1
timeouts: {{request: 60, front: 600, back: 60, connect: 3}}
access_log: {{path: ./{name}.access, format: json}}
metrics: {{prometheus: "127.0.0.1:{metrics}"}}
listeners: [{{address: "127.0.0.1:{port}", {tls}}}]
clusters:
  all: {{frontends: [{{hostname: "*", path: /}}], backends: ["127.0.0.1:{origin}"]}}
"""
OUR_HOST = '  c{number}: {{frontends: [{{hostname: {name}}}, {{hostname: {name}, path: /api}}], backends: ["127.0.0.1:{origin}"]}}\n'
HOSTS = [f"h{number}.example.com" for number in range(10_000)]
FEATURES = Path(__file__).with_name("features.yaml")
PLAIN = "protocol: http"
OVER_TLS = "protocol: https, certificates: [{certificate: both.pem, key: both.pem}]"


@dataclass(frozen=True)
class Proxy:
    """One that runs: where it listens, and the process at the head of its family."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"
    scheme: str = "http"

    def family(self) -> list[int]:
        """The process and all its descendants."""
        return list(_descendants(self.process.pid))

    def cpu(self) -> float:
        """Microseconds of processor time that the family has used."""
        return sum(_microseconds(pid) for pid in self.family())

    def resident(self) -> int:
        """Resident bytes of the family."""
        pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.family())
        return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _descendants(int(child))


def _microseconds(pid: int) -> float:
    """The scheduler's nanoseconds: ticks of the clock are too coarse for a second of load."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1000


def program(name: str) -> str:
    """Its path; exits where it is not installed."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        sys.exit(f"{name} is not installed (Debian: apt-get install nginx-light haproxy wrk)")
    return path


def make_certificate(folder: Path, key: str) -> None:
    """`both.pem`: a key and a certificate for it, self-signed."""
    how = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if key == "ec" else ["rsa:2048"]
    names = "subjectAltName=DNS:www.example.com,IP:127.0.0.1"
    made = [program("openssl"), "req", "-x509", "-newkey", *how, "-nodes", "-days", "30", "-subj", "/CN=benchmark", "-addext", names]
    subprocess.run([*made, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    (folder / "both.pem").write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())


def free_port() -> int:
    """One that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Stage:
    """A folder with an origin, ours if no other port is given. `core` is where the proxies run; the load and the origin have the other.

    With `key` (`ec` or `rsa`) the proxies speak TLS, with a certificate for such a key.
    """

    def __init__(self, folder: Path, core: int, other: int, origin: int | None = None, key: str = "") -> None:
        self.key = key
        if key:
            make_certificate(folder, key)
        self.folder = folder
        self.core = core
        self.other = other
        self.running: list[Proxy] = []
        for name, size in SIZES.items():
            (folder / name).write_bytes(bytes(range(256)) * (size // 256))
        self.origin = self._nginx("origin", NGINX_ORIGIN, other).port if origin is None else origin

    def start(self, name: str) -> Proxy:
        """nginx, haproxy, haproxy-splice, sozu; nginx-hosts and sozu-hosts know HOSTS besides.

        sozu-features has clusters beside, which nobody asks for, that use everything there is.
        """
        makers: dict[str, Callable[[], Proxy]] = {
            "nginx": lambda: self._nginx("nginx", (NGINX_TLS if self.key else "") + NGINX_PROXY, self.core),
            "haproxy": lambda: self._haproxy(name, "splice-auto", ""),
            "haproxy-splice": lambda: self._haproxy(name, "splice-response", TUNED),
            "sozu": lambda: self._sozu(name, ""),
            "nginx-hosts": lambda: self._nginx(name, NGINX_HASH + NGINX_PROXY, self.core, HOSTS),
            "sozu-hosts": lambda: self._sozu(name, "".join(OUR_HOST.format(number=number, name=host, origin=self.origin) for number, host in enumerate(HOSTS))),
            "sozu-features": lambda: self._sozu(name, FEATURES.read_text()),
        }
        return makers[name]()

    def relay(self, proxy: Proxy, version: str) -> Proxy:
        """An nginx beside the load that asks the proxy over TLS: a new connection for each request, with the session of an earlier one."""
        return self._nginx(f"{proxy.name}-relay", NGINX_RELAY.replace("{version}", version), self.other, origin=proxy.port)

    def stop(self, proxy: Proxy) -> None:
        """End it and wait."""
        self.running.remove(proxy)
        proxy.process.send_signal(signal.SIGTERM)
        try:
            proxy.process.wait(15)
        except subprocess.TimeoutExpired:
            proxy.process.kill()
            proxy.process.wait()

    def _nginx(self, name: str, http: str, core: int, hosts: Sequence[str] = (), origin: int = 0) -> Proxy:
        port, user = free_port(), "user root;" if os.geteuid() == 0 else ""
        tls = "ssl" if self.key else ""
        more = "".join(NGINX_HOST.format(port=port, name=host, passing=NGINX_PASS) for host in hosts)
        origin = origin or (port if name == "origin" else self.origin)
        inside = http.format(tls=tls, passing=NGINX_PASS, more=more, folder=self.folder, port=port, small=SMALL, origin=origin)
        config = self._write(f"{name}.conf", NGINX.format(folder=self.folder, name=name, user=user, http=inside))
        return self._run(name, port, core, [program("nginx"), "-c", config])

    def _haproxy(self, name: str, splice: str, tuned: str) -> Proxy:
        port = free_port()
        config = self._write(f"{name}.cfg", HAPROXY.format(tls=f"ssl crt {self.folder}/both.pem" if self.key else "", port=port, origin=self.origin, splice=splice, tuned=tuned))
        return self._run(name, port, self.core, [program("haproxy"), "-db", "-f", config])

    def _sozu(self, name: str, more: str) -> Proxy:
        port = free_port()
        config = self._write(f"{name}.yaml", OURS.format(name=name, tls=OVER_TLS if self.key else PLAIN, port=port, origin=self.origin, metrics=free_port()) + more)
        return self._run(name, port, self.core, [sys.executable, "-m", "sozu", "serve", "--apply", "-c", config])

    def _write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def _run(self, name: str, port: int, core: int, command: list[str]) -> Proxy:
        with (self.folder / f"{name}.out").open("ab") as out:
            pinned = [program("taskset"), "-c", str(core), *command]
            process = subprocess.Popen(pinned, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        proxy = Proxy(name, port, process, "https" if self.key and name != "origin" and not name.endswith("-relay") else "http")
        self.running.append(proxy)
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return proxy
        sys.exit(f"{name} does not listen:\n{(self.folder / f'{name}.out').read_text()}")


@contextmanager
def stage(folder: Path, origin: int | None = None, key: str = "") -> Iterator[Stage]:
    """A stage on the first core that we may use, with the load on the last one."""
    cores = sorted(os.sched_getaffinity(0))
    made = Stage(folder, cores[0], cores[-1], origin, key)
    try:
        yield made
    finally:
        for proxy in reversed(made.running.copy()):
            made.stop(proxy)
