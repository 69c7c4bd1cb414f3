"""TLS that is passed on unopened, by the name in its ClientHello: beside names that are opened, and at tcp listeners."""

from collections.abc import Iterator
from contextlib import closing
import json
import socket
import socketserver
import ssl
import threading
from typing import Any

import pytest
import trustme

from sozu.command.orders import AddTcpFrontend, RemoveHttpFrontend
from tests.e2e.processes import LIMIT, Proxy

AUTHORITY = trustme.CA()
OPENED, PASSED = AUTHORITY.issue_cert("open.example", "*.example"), AUTHORITY.issue_cert("bank.example", "*.bank.example")


class Answering(socketserver.StreamRequestHandler):
    """Has the certificate, and says so in a line after the first one; what is no TLS comes back as it is."""

    def handle(self) -> None:
        if self.connection.recv(1, socket.MSG_PEEK) != b"\x16":
            self.wfile.write(b"plain:" + self.rfile.readline())
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        PASSED.configure_cert(context)
        with context.wrap_socket(self.connection, server_side=True) as tls:
            tls.sendall(b"bank:" + tls.recv(65536))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Some clients go away in the middle."""


@pytest.fixture(scope="module")
def bank() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Answering) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


Place = tuple[str, int]


def places_of(proxy: Proxy, protocol: str) -> list[Place]:
    parts = [each["address"].rpartition(":") for each in proxy.status()["listeners"] if each["protocol"] == protocol]
    return [(host, int(port)) for host, _, port in parts]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, origin_address: str, bank: str) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("passthrough")
    (folder / "open.pem").write_bytes(b"".join(pem.bytes() for pem in OPENED.cert_chain_pems))
    (folder / "open.key").write_bytes(OPENED.private_key_pem.bytes())
    listeners: list[dict[str, Any]] = [
        {"protocol": "http", "address": "127.0.0.1:0"},
        {"protocol": "https", "address": "127.0.0.2:0", "certificates": [{"certificate": "./open.pem", "key": "./open.key"}]},
        {"protocol": "tcp", "address": "127.0.0.3:0", "cluster": "bank"},
        {"protocol": "tcp", "address": "127.0.0.4:0"},
    ]
    names = ["bank.example", "*.bank.example", "grease.example"]
    clusters = {
        "web": {"frontends": [{"hostname": "open.example"}, {"hostname": "www.bank.example"}], "backends": [origin_address]},
        "bank": {"frontends": [{"hostname": name, "passthrough": True} for name in names], "backends": [bank]},
    }
    file = folder / "sozu.yaml"
    file.write_text(json.dumps({"listeners": listeners, "clusters": clusters, "workers": 1, "access_log": {"path": "./access.log"}, "timeouts": {"request": 5}}))
    with Proxy(folder, "-c", str(file)) as running:
        for host, port in places_of(running, "tcp"):
            running.ask(AddTcpFrontend(cluster="bank", listener=f"{host}:{port}", hostname="bank.example"))
        yield running


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def said(place: Place, name: str, question: bytes = b"GET / HTTP/1.1\r\nHost: open.example\r\nConnection: close\r\n\r\n") -> bytes:
    """What comes back, over TLS with whoever has this name."""
    plain = socket.create_connection(place, timeout=LIMIT)
    with trusting().wrap_socket(plain, server_hostname=name) as tls:
        tls.sendall(question)
        received = b""
        while piece := tls.recv(65536):
            received += piece
    return received


def test_names_that_are_opened_and_names_that_are_passed_on_share_a_listener(proxy: Proxy) -> None:
    (place,) = places_of(proxy, "https")
    assert said(place, "open.example").startswith(b"HTTP/1.1 200 OK\r\n")
    assert said(place, "bank.example", b"x") == b"bank:x"
    assert said(place, "BANK.example", b"y") == b"bank:y"
    assert said(place, "any.bank.example", b"z") == b"bank:z"
    with pytest.raises(ssl.SSLCertVerificationError, match=r"www\.bank\.example"):  # opened, by the default certificate
        said(place, "www.bank.example")


def test_the_log_tells_the_name_and_where_it_went(proxy: Proxy) -> None:
    (place,) = places_of(proxy, "https")
    question = b"the only one of this length"
    assert said(place, "logged.bank.example", question) == b"bank:" + question
    waited = threading.Event()
    lines: list[dict[str, Any]] = []
    for _ in range(int(LIMIT / 0.05)):
        lines = [json.loads(text) for text in (proxy.folder / "access.log").read_text().splitlines()]
        lines = [line for line in lines if line.get("sni") == "logged.bank.example"]
        if lines:
            break
        waited.wait(0.05)
    (line,) = lines
    assert line["cluster"] == "bank"
    assert line["bytes_in"] > len(question)
    assert "ended" not in line


def test_a_tcp_listener_passes_on_by_name_and_all_else_to_its_cluster_or_nowhere(proxy: Proxy) -> None:
    leading, bare = places_of(proxy, "tcp")
    assert said(leading, "bank.example", b"1") == b"bank:1"
    assert said(bare, "bank.example", b"2") == b"bank:2"
    assert said(leading, "other.bank.example", b"3") == b"bank:3"
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        said(bare, "other.bank.example")
    proxy.lines.until(r"event=handshake_failed .*name=None reason='this listener passes on other names only'")
    with closing(socket.create_connection(leading, timeout=LIMIT)) as client:
        client.sendall(b"no TLS\n")
        assert client.recv(100) == b"plain:no TLS\n"


def hello(name: str) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting().wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return tls, incoming, outgoing


@pytest.mark.parametrize("records", [False, True], ids=["whole record", "records of one byte"])
def test_a_hello_may_come_byte_by_byte(proxy: Proxy, records: bool) -> None:  # noqa: FBT001 - a parameter of the test
    (place,) = places_of(proxy, "https")
    tls, incoming, outgoing = hello("bank.example")
    data = outgoing.read()
    if records:
        data = b"".join(data[:3] + b"\x00\x01" + data[at : at + 1] for at in range(5, len(data)))
    with closing(socket.create_connection(place, timeout=LIMIT)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(data)):
            client.send(data[at : at + 1])
        finished = False
        while not finished:
            incoming.write(client.recv(65536))
            try:
                tls.do_handshake()
                finished = True
            except ssl.SSLWantReadError:
                pass  # more is to come
            client.sendall(outgoing.read())
        assert tls.getpeercert()


def with_extension(data: bytes, extension: bytes) -> bytes:
    """The hello in this record with one more extension at its end."""
    body = bytearray(data[5:] + extension)
    session_end = 38 + 1 + body[38]
    suites_end = session_end + 2 + int.from_bytes(body[session_end : session_end + 2], "big")
    at = suites_end + 1 + body[suites_end]
    body[at : at + 2] = (int.from_bytes(body[at : at + 2], "big") + len(extension)).to_bytes(2, "big")
    body[1:4] = (len(body) - 4).to_bytes(3, "big")
    return data[:3] + len(body).to_bytes(2, "big") + bytes(body)


GREASE = b"\x1a\x1a\x00\x01\x00"
ENCRYPTED = b"\xfe\x0d\x00\x10" + b"\x00" + b"\x00\x01\x00\x01" + b"\x07" + b"\x00\x04abcd" + b"\x00\x02xy"


@pytest.mark.parametrize("extension", [GREASE, ENCRYPTED], ids=["GREASE", "outer hello of an encrypted one"])
def test_what_the_hello_holds_besides_arrives_untouched(proxy: Proxy, extension: bytes) -> None:
    (place,) = places_of(proxy, "https")
    _, _, outgoing = hello("grease.example")
    with closing(socket.create_connection(place, timeout=LIMIT)) as client:
        client.sendall(with_extension(outgoing.read(), extension))
        assert client.recv(1) == b"\x16"  # the bank's hello: to ours the name is a stranger's, but it has answered too
    with pytest.raises(ssl.SSLCertVerificationError, match=r"grease\.example"):
        said(place, "grease.example")


def test_a_removed_passthrough_waits_for_its_tunnels(proxy: Proxy) -> None:
    (place,) = places_of(proxy, "https")
    proxy.run("frontend", "add", "bank", "going.bank.example", "--passthrough")
    plain = socket.create_connection(place, timeout=LIMIT)
    with trusting().wrap_socket(plain, server_hostname="going.bank.example") as tls:
        news = []
        order = RemoveHttpFrontend(cluster="bank", hostname="going.bank.example", passthrough=True, wait=True)
        asking = threading.Thread(target=lambda: news.append(proxy.ask(order)))
        asking.start()
        while "going.bank.example (passed" in proxy.run("frontend", "list").stdout:
            pass
        assert asking.is_alive()
        tls.sendall(b"x")
        assert tls.recv(10) == b"bank:x"
    asking.join(LIMIT)
    assert news[0].status == "OK"
