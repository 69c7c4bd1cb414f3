"""What the other files show of plain HTTP, over TLS: WebSockets, upgrades of workers, kills, drains; and the sequence of the talk, under load."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
import http.client
import json
import os
from pathlib import Path
import signal
import socket
import ssl
import subprocess
import threading
from typing import Any, Self

import pytest
import trustme
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from sozu.command.orders import AddCluster, AddHttpFrontend, RemoveHttpFrontend
from tests.e2e.over_tls import (
    AUTHORITY,
    added,
    ask,
    fingerprint,
    fingerprint_of,
    open_tls,
    trusting,
    unchecked,
    written,
)
from tests.e2e.processes import LIMIT, Proxy, peer

ECDSA = AUTHORITY.issue_cert("one.example", "*.one.example", "127.0.0.1", key_type=trustme.KeyType.ECDSA)
RSA = AUTHORITY.issue_cert("one.example", "*.one.example", key_type=trustme.KeyType.RSA)


@contextmanager
def serving(folder: Path, backend: str, **settings: Any) -> Iterator[Proxy]:
    """A certificate of each kind, and everything goes to this backend."""
    certificates = [written(folder, "rsa", RSA), written(folder, "ecdsa", ECDSA)]
    listeners: list[dict[str, Any]] = [
        {"protocol": "http", "address": "127.0.0.1:0"},
        {"protocol": "https", "address": "127.0.0.2:0", "certificates": certificates},
    ]
    clusters = {"all": {"frontends": [{"hostname": "*"}], "backends": [backend]}}
    file = folder / "sozu.yaml"
    file.write_text(json.dumps({"listeners": listeners, "clusters": clusters, "access_log": {"path": "./access.log"}, **settings}))
    with Proxy(folder, "-c", str(file)) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, origin_address: str) -> Iterator[Proxy]:
    with serving(tmp_path_factory.mktemp("lives"), origin_address, workers=2) as running:
        yield running


def port_of(proxy: Proxy) -> int:
    (address,) = [each["address"] for each in proxy.status()["listeners"] if each["protocol"] == "https"]
    return int(address.rpartition(":")[2])


def reach(proxy: Proxy, name: str | None = "one.example", context: ssl.SSLContext | None = None, session: Any = None) -> ssl.SSLSocket:
    return open_tls(port_of(proxy), name, context, session, at="127.0.0.2")


# ---- certificates ----


def test_who_knows_both_kinds_of_keys_gets_ecdsa_and_who_knows_only_rsa_gets_rsa(shared: Proxy) -> None:
    for ciphers, expected in (("DEFAULT", ECDSA), ("ECDHE-RSA-AES128-GCM-SHA256", RSA), ("ECDHE+AESGCM", ECDSA)):
        context = trusting(version=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers(ciphers)
        with reach(shared, context=context) as tls:
            assert fingerprint_of(tls) == fingerprint(expected)
    with reach(shared) as tls:
        assert fingerprint_of(tls) == fingerprint(ECDSA)


class Clients:
    """Threads that shake hands and ask, each time on a new connection; what certificates they met, and what failed."""

    def __init__(self, proxy: Proxy, name: str, count: int = 2) -> None:
        self.met: set[str] = set()
        self.failed: list[str] = []
        self._proxy, self._name = proxy, name
        self._ending = threading.Event()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]

    def _run(self) -> None:
        context, port = trusting(), port_of(self._proxy)
        while not self._ending.is_set():
            try:
                with open_tls(port, self._name, context, at="127.0.0.2") as tls:
                    found = fingerprint_of(tls)
                    assert ask(tls, host=self._name) == (200, b"origin")
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failed.append(repr(error))
            else:
                with self._changed:
                    self.met.add(found)
                    self._changed.notify_all()

    def until_met(self, certificate: trustme.LeafCert) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: fingerprint(certificate) in self.met, LIMIT)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()


def test_the_sequence_of_the_talk_moves_all_frontends_to_a_new_certificate_and_nobody_notices(shared: Proxy, origin_address: str) -> None:
    old, new = (AUTHORITY.issue_cert("talk.example") for _ in range(2))
    for order in (AddCluster(cluster="talk"), added(old)):
        shared.ask(order)
    shared.run("backend", "add", "talk", origin_address)
    paths = ["/name", "/"]
    for path in paths:
        shared.ask(AddHttpFrontend(cluster="talk", hostname="talk.example", path=path, certificate=fingerprint(old)))
    with Clients(shared, "talk.example") as clients:
        clients.until_met(old)
        shared.ask(added(new))
        for path in paths:
            shared.ask(AddHttpFrontend(cluster="talk", hostname="talk.example", path=path, certificate=fingerprint(new)))
        for path in paths:
            shared.ask(RemoveHttpFrontend(cluster="talk", hostname="talk.example", path=path, certificate=fingerprint(old)))
        shared.run("certificate", "remove", fingerprint(old))
        clients.until_met(new)
    assert clients.failed == []
    assert clients.met == {fingerprint(old), fingerprint(new)}
    rows = {row["fingerprint"]: row for row in json.loads(shared.run("certificate", "list", "--json").stdout)}
    assert rows[fingerprint(new)]["pinned"] == len(paths)
    assert fingerprint(old) not in rows


def test_no_name_that_a_client_may_send_gets_it_what_is_another_tenants(shared: Proxy) -> None:
    def answered(name: str | None, host: str) -> int:
        with reach(shared, name, unchecked()) as tls:
            return ask(tls, host=host)[0]

    for name in (None, "192.0.2.7", "nobody.test", ".".join(["x" * 61] * 4), "ONE.example"):
        assert answered(name, "other.example") == 421
        assert answered(name, "One.Example.:443") == 200
    assert answered("one.example", "www.one.example") == 200
    assert answered("one.example", "127.0.0.1") == 421  # which only one of the two covers


# ---- sessions that live on ----


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_go_on_after_workers_were_upgraded_or_killed(shared: Proxy, version: ssl.TLSVersion) -> None:
    context = trusting(version=version)
    with reach(shared, context=context) as tls:
        ask(tls)
        session = tls.session

    def goes_on() -> None:
        for _ in range(4):
            with reach(shared, context=context, session=session) as tls:
                assert tls.session_reused
                assert ask(tls) == (200, b"origin")

    before = shared.worker_pids()
    shared.run("upgrade", "--worker", "0")
    goes_on()
    os.kill(before[1], signal.SIGKILL)
    until(lambda: before[1] not in shared.worker_pids() and len(running(shared)) == len(before))
    goes_on()


def running(proxy: Proxy) -> list[int]:
    return [worker["pid"] for worker in proxy.status()["workers"] if worker["state"] == "running"]


def until(true: Callable[[], bool]) -> None:
    later = threading.Event()
    for _ in range(int(LIMIT / 0.05)):
        if true():
            return
        later.wait(0.05)
    pytest.fail("it did not come to pass")


def test_a_drained_connection_is_told_that_its_end_is_no_accident(tmp_path: Path, origin_address: str) -> None:
    with serving(tmp_path, origin_address, workers=1) as proxy, reach(proxy) as idle, reach(proxy) as busy:
        assert ask(idle) == (200, b"origin")
        busy.sendall(b"GET /held/tls HTTP/1.1\r\nHost: one.example\r\n\r\n")
        head = busy.recv(65536)
        assert head.startswith(b"HTTP/1.1 200 ")
        upgraded = threading.Thread(target=proxy.run, args=("upgrade", "--worker", "0"))
        upgraded.start()
        assert idle.recv(1) == b""  # close_notify; without it this would be SSLEOFError
        with reach(proxy) as other:
            assert ask(other, "/release/tls") == (200, b"released")
        with http.client.HTTPResponse(Said(busy, head)) as response:  # type: ignore[arg-type]
            response.begin()
            assert response.read() == b"a" * 500 + b"b" * 500
        upgraded.join(LIMIT)


class Said:
    """A connection of which something was read before."""

    def __init__(self, tls: ssl.SSLSocket, before: bytes) -> None:
        self._tls, self._before = tls, before

    def makefile(self, *_: object) -> Any:
        read, write = os.pipe()
        thread = threading.Thread(target=self._pour, args=(write,))
        thread.start()
        return os.fdopen(read, "rb")

    def _pour(self, write: int) -> None:
        with os.fdopen(write, "wb") as file:
            file.write(self._before)
            while piece := self._tls.recv(65536):
                file.write(piece)


def test_websockets_come_through(shared: Proxy) -> None:
    def echo(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with serve(echo, "127.0.0.1", 0, max_size=None, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        host, port = server.socket.getsockname()[:2]
        shared.ask(AddCluster(cluster="chat"))
        shared.ask(AddHttpFrontend(cluster="chat", hostname="chat.one.example"))
        shared.run("backend", "add", "chat", f"{host}:{port}")
        with (
            socket.create_connection(("127.0.0.2", port_of(shared)), timeout=LIMIT) as sock,
            connect("wss://chat.one.example/", sock=sock, ssl=trusting(), max_size=None, open_timeout=LIMIT) as client,
        ):
            for message in ("a", "\u00fc" * 1000, b"\0" * (1 << 20)):
                client.send(message)
                assert client.recv(LIMIT) == message
            client.close()
            with pytest.raises(ConnectionClosedOK):
                client.recv(LIMIT)
        server.shutdown()
        thread.join(LIMIT)


# ---- who does not keep to the rules ----


def test_a_record_that_was_bent_on_its_way_ends_the_connection_with_a_reason(shared: Proxy) -> None:
    plain = socket.create_connection(("127.0.0.2", port_of(shared)), timeout=LIMIT)
    with closing(plain):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting().wrap_bio(incoming, outgoing, server_hostname="one.example")
        finished = False
        while not finished:
            try:
                tls.do_handshake()
                finished = True
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        tls.write(b"GET /bent HTTP/1.1\r\nHost: one.example\r\n\r\n")
        records = bytearray(outgoing.read())
        records[-1] ^= 1
        plain.sendall(records)
        while plain.recv(65536):
            """An alert, then the end."""
    shared.lines.until(r"event=connection_failed client=127\.0\.0\.1:\d+ reason='TLS: decryption failed or bad record mac'")
    assert ask_again(shared) == (200, b"origin")


def ask_again(proxy: Proxy) -> tuple[int, bytes]:
    with reach(proxy) as tls:
        return ask(tls)


def test_a_body_that_is_cut_short_is_no_whole_one(shared: Proxy) -> None:
    with closing(reach(shared)) as tls:
        tls.sendall(b"PUT /hash?cut HTTP/1.1\r\nHost: one.example\r\nContent-Length: 1000\r\n\r\nabc")
        tls.shutdown(socket.SHUT_WR)  # of the socket: no close_notify
    until(lambda: "/hash?cut" in (shared.folder / "access.log").read_text())
    (line,) = [line for line in (shared.folder / "access.log").read_text().splitlines() if "/hash?cut" in line]
    assert json.loads(line)["ended"]
    assert not any("Traceback" in line for line in shared.lines.so_far())


def test_nobody_negotiates_anew(shared: Proxy) -> None:
    command = [peer("openssl"), "s_client", "-connect", f"127.0.0.2:{port_of(shared)}", "-servername", "one.example", "-tls1_2"]
    done = subprocess.run(command, input="R\n", capture_output=True, text=True, timeout=LIMIT, check=False)
    assert "no renegotiation" in done.stderr
    until(lambda: any("event=renegotiation_refused client=127.0.0.1:" in line for line in shared.lines.so_far()))
    assert ask_again(shared) == (200, b"origin")
