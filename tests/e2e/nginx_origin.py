"""nginx as an origin, with a configuration of its own and a port that the kernel chose."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import socket
import subprocess

from tests.e2e.processes import LIMIT, peer

_CONFIGURATION = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
    log_format one "1";
    access_log {folder}/asked.log one buffer=64k;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address};
        location / {{ return 200 "{says}"; }}
        location = /health {{
            access_log off;
            if (-f {folder}/ill) {{ return 503; }}
            return 204;
        }}
        {more}
    }}
    server {{
        listen unix:{folder}/proxied.sock proxy_protocol;
        location / {{ return 200 "$proxy_protocol_addr:$proxy_protocol_port\\n"; }}
    }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """One that runs: where, and what it has seen."""

    folder: Path
    address: str

    def fall_ill(self) -> None:
        """From now on /health is 503, and all else goes on."""
        (self.folder / "ill").touch()

    def recover(self) -> None:
        (self.folder / "ill").unlink()

    @property
    def asked(self) -> int:
        """How many requests it had; known when it has ended."""
        return len((self.folder / "asked.log").read_text().split())


@contextmanager
def nginx(folder: Path, says: str = "hello from nginx\\n", more: str = "") -> Iterator[Nginx]:
    """It inherits its socket as after an upgrade of itself. `more` are locations of its server."""
    program = peer("nginx")
    folder.mkdir(exist_ok=True)
    user = "" if os.geteuid() else "user root;"  # its worker looks into a folder of ours
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        file = folder / "nginx.conf"
        file.write_text(_CONFIGURATION.format(user=user, folder=folder, address=address, says=says, more=more))
        process = subprocess.Popen(
            [program, "-c", str(file), "-e", str(folder / "error.log")],
            pass_fds=[listener.fileno()],
            env={**os.environ, "NGINX": f"{listener.fileno()};"},
        )
    try:
        yield Nginx(folder, address)
    finally:
        process.terminate()
        process.wait(LIMIT)
