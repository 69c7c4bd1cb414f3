"""HTTPS to backends: verified by default, kept alive, and a 502 that says why where a backend is not who it should be."""

from collections.abc import Iterator
from contextlib import contextmanager
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
from pathlib import Path
from queue import Queue
import re
import ssl
import threading
from typing import Any, ClassVar

import pytest
import trustme

from sozu.command.certificates.terms import BackendTls
from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, RemoveBackend
from sozu.command.terms import Health, ProxyProtocol
from tests.e2e.asking import connect, get
from tests.e2e.processes import LIMIT, Proxy, configuration

AUTHORITY, STRANGER = trustme.CA(), trustme.CA()
PROXYS, NEXT = STRANGER.issue_cert("proxy.example"), STRANGER.issue_cert("proxy.example")


CHECKED = threading.Event()


class Origin(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers["User-Agent"] == "sozu-health" and self.path == "/health":
            CHECKED.set()
        assert isinstance(self.connection, ssl.SSLSocket)
        shown = hashlib.sha256(self.connection.getpeercert(binary_form=True) or b"").hexdigest()
        who = {"shown": shown, "reused": self.connection.session_reused}
        body = (json.dumps(who) if self.path == "/who" else f"{self.client_address[1]}").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Handshakes are meant to fail here."""


class Told(Quiet):
    """Each connection begins with a line that says whose it is, then comes TLS."""

    heard: ClassVar[Queue[bytes]] = Queue()

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Origin)
        self.context = context

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        sock, address = super().get_request()
        line = b""
        while not line.endswith(b"\r\n"):
            line += sock.recv(1)
        self.heard.put(line)
        return self.context.wrap_socket(sock, server_side=True), address


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1", "backend.example").configure_cert(context)
    STRANGER.configure_trust(context)  # whom the proxy's own certificate is of
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@contextmanager
def in_a_thread(server: Quiet) -> Iterator[None]:
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield
    finally:
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    context = server_context()
    with Quiet(("127.0.0.1", 0), Origin) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, backend: str) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("backends")
    AUTHORITY.cert_pem.write_to_path(folder / "ca.pem")
    STRANGER.cert_pem.write_to_path(folder / "stranger.pem")
    for name, certificate in (("proxy", PROXYS), ("next", NEXT)):
        certificate.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        certificate.private_key_pem.write_to_path(folder / f"{name}.key")
    terms: dict[str, dict[str, Any]] = {
        "good": {"ca": "./ca.pem"},
        "named": {"ca": "./ca.pem", "server_name": "backend.example"},
        "misnamed": {"ca": "./ca.pem", "server_name": "other.example"},
        "stranger": {"ca": "./stranger.pem"},
        "system": {},
        "careless": {"verify": False, "server_name": "whoever.example"},
        "shown": {"ca": "./ca.pem", "certificate": "./proxy.pem", "key": "./proxy.key"},
    }
    clusters = {name: {"frontends": [{"hostname": name}], "backends": [backend], "tls": tls} for name, tls in terms.items()}
    file = folder / "sozu.yaml"
    listeners = [{"protocol": "http", "address": "127.0.0.1:0"}]
    file.write_text(json.dumps({"listeners": listeners, "clusters": clusters, "workers": 1, "access_log": {"path": "./access.log"}}))
    with Proxy(folder, "-c", str(file)) as running:
        yield running


@pytest.mark.parametrize("host", ["good", "named", "careless"])
def test_a_backend_that_proves_who_it_is_answers_and_its_connection_is_kept(proxy: Proxy, host: str) -> None:
    connection = connect(proxy.port)
    answers = set()
    for _ in range(3):
        connection.request("GET", "/", headers={"Host": host})
        with connection.getresponse() as response:
            assert response.status == 200
            answers.add(response.read())
    connection.close()
    assert len(answers) == 1


def test_no_idle_connection_outlives_the_terms_it_was_made_on(proxy: Proxy, backend: str) -> None:
    authority = AUTHORITY.cert_pem.bytes().decode()
    proxy.ask(AddCluster(cluster="changing", tls=BackendTls(ca=authority)))
    proxy.ask(AddHttpFrontend(cluster="changing", hostname="changing"))
    proxy.ask(AddBackend(cluster="changing", address=backend))
    first, again = (get(proxy.port, host="changing") for _ in range(2))
    assert (first[0], again) == (200, first)  # the body names the connection
    proxy.ask(AddCluster(cluster="changing", tls=BackendTls(ca=STRANGER.cert_pem.bytes().decode())))
    assert get(proxy.port, host="changing")[0] == 502
    proxy.ask(AddCluster(cluster="changing", tls=BackendTls(verify=False)))
    assert get(proxy.port, host="changing")[0] == 200


def test_a_name_to_prove_may_be_written_as_people_write_it(proxy: Proxy, backend: str) -> None:
    def served(name: str) -> int:
        proxy.ask(AddCluster(cluster="written", tls=BackendTls(ca=AUTHORITY.cert_pem.bytes().decode(), server_name=name)))
        return get(proxy.port, host="written")[0]

    proxy.ask(AddCluster(cluster="written"))
    proxy.ask(AddHttpFrontend(cluster="written", hostname="written"))
    proxy.ask(AddBackend(cluster="written", address=backend))
    assert [served(name) for name in ("Backend.Example.", "bäckend.example")] == [200, 502]
    assert "hostname mismatch, certificate is not valid for 'xn--bckend-bua.example'" in why_of(proxy, "written")


def why_of(proxy: Proxy, host: str) -> str:
    """How the one exchange with this host that came to nothing ended, when the log tells it."""
    later = threading.Event()
    for _ in range(int(LIMIT / 0.05)):
        for text in (proxy.folder / "access.log").read_text().splitlines():
            line = json.loads(text)
            if line["host"] == host and line["status"] == 502:
                return str(line["ended"])
        later.wait(0.05)
    pytest.fail(f"no line about {host}")


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("misnamed", "hostname mismatch, certificate is not valid for 'other.example'"),
        ("stranger", "unable to get local issuer certificate"),
        ("system", "unable to get local issuer certificate"),
    ],
)
def test_one_that_does_not_is_a_502_that_says_why_in_the_log(proxy: Proxy, host: str, why: str) -> None:
    assert get(proxy.port, host=host)[0] == 502
    ended = why_of(proxy, host)
    assert "TLS: certificate verify failed" in ended
    assert why in ended


def fingerprint(certificate: trustme.LeafCert) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())).hexdigest()


def who(proxy: Proxy, host: str) -> dict[str, Any]:
    """What the backend knows of the connection on which a request to this host comes."""
    status, body = get(proxy.port, "/who", host)
    assert status == 200
    told: dict[str, Any] = json.loads(body)
    return told


def test_a_cluster_shows_its_certificate_which_is_replaced_and_removed_like_others(proxy: Proxy) -> None:
    assert who(proxy, "good")["shown"] == hashlib.sha256(b"").hexdigest()
    assert who(proxy, "shown")["shown"] == fingerprint(PROXYS)
    proxy.run("certificate", "replace", fingerprint(PROXYS), "next.pem", "next.key")
    assert who(proxy, "shown")["shown"] == fingerprint(NEXT)
    (row,) = [row for row in json.loads(proxy.run("certificate", "list", "--json").stdout) if row["for_backends"]]
    assert (row["fingerprint"], row["clusters"]) == (fingerprint(NEXT), 1)
    refused = proxy.run("certificate", "remove", fingerprint(NEXT), check=False)
    assert (refused.returncode, "cluster shown shows it to its backends" in refused.stderr) == (1, True)
    proxy.run("certificate", "remove", "--force", fingerprint(NEXT))
    assert who(proxy, "shown")["shown"] == hashlib.sha256(b"").hexdigest()
    assert "PRIVATE KEY" not in proxy.run("state", "show").stdout


def test_a_new_connection_goes_on_with_the_session_of_the_last_one(proxy: Proxy, backend: str) -> None:
    both = AUTHORITY.cert_pem.bytes() + STRANGER.cert_pem.bytes()  # terms of its own: clusters with the same ones share sessions
    proxy.ask(AddCluster(cluster="again", tls=BackendTls(ca=both.decode())))
    proxy.ask(AddHttpFrontend(cluster="again", hostname="again"))
    proxy.ask(AddBackend(cluster="again", address=backend))
    assert not who(proxy, "again")["reused"]
    proxy.run("backend", "remove", "again", backend)  # its idle connection is closed
    proxy.ask(AddBackend(cluster="again", address=backend))
    assert who(proxy, "again")["reused"]


def test_health_checks_speak_tls_too(proxy: Proxy, backend: str) -> None:
    health = Health(interval=0.05, path="/health")
    proxy.ask(AddCluster(cluster="checked", health=health, tls=BackendTls(ca=AUTHORITY.cert_pem.bytes().decode())))
    proxy.ask(AddBackend(cluster="checked", address=backend))
    assert CHECKED.wait(LIMIT)
    proxy.run("cluster", "remove", "checked")


def test_a_proxy_header_goes_before_the_handshake(proxy: Proxy) -> None:
    with Told(server_context()) as server, in_a_thread(server):
        port = server.server_address[1]
        address = f"127.0.0.1:{port}"
        terms, health = BackendTls(ca=AUTHORITY.cert_pem.bytes().decode()), Health(path="/health", interval=0.05)
        proxy.ask(AddCluster(cluster="told", tls=terms, proxy_protocol=ProxyProtocol.V1, health=health))
        proxy.ask(AddHttpFrontend(cluster="told", hostname="told"))
        proxy.ask(AddBackend(cluster="told", address=address))
        check = re.fullmatch(rb"PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ (\d+)\r\n", server.heard.get(timeout=LIMIT))
        assert check is not None
        assert int(check[1]) == port
        client = connect(proxy.port)
        client.connect()
        host, source = client.sock.getsockname()
        client.request("GET", "/", headers={"Host": "told"})
        assert client.getresponse().status == 200
        client.close()
        expected = f"PROXY TCP4 {host} 127.0.0.1 {source} {proxy.port}\r\n".encode()
        while server.heard.get(timeout=LIMIT) != expected:
            pass  # another check
        proxy.ask(RemoveBackend(cluster="told", address=address))


def test_whom_the_system_trusts_is_trusted_by_a_worker_that_may_open_no_file(tmp_path: Path, backend: str) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "system.pem")
    clusters = {"system": {"frontends": [{"hostname": "*"}], "backends": [backend], "tls": {}}}
    file = configuration(tmp_path, clusters, workers=1)
    with Proxy(tmp_path, "-c", str(file), environ={"SSL_CERT_FILE": str(tmp_path / "system.pem")}) as proxy:
        assert get(proxy.port)[0] == 200
