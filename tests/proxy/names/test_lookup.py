from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gevent.server import DatagramServer, StreamServer
import gevent.socket
import pytest

from sozu.proxy.names import lookup
from sozu.proxy.names.lookup import Found, NoAddress, ask, in_hosts, look_up, resolvers

V4, V6 = bytes([192, 0, 2, 1]), bytes(15) + b"\x01"
Records = dict[int, list[tuple[int, bytes]]]


def answer(query: bytes, records: Records, flags: int = 0x8180) -> bytes:
    """To a query for one kind."""
    kind = int.from_bytes(query[-4:-2], "big")
    found = [record(each, ttl, data) for each in (5, kind) for ttl, data in records.get(each, [])]
    return query[:2] + flags.to_bytes(2, "big") + query[4:6] + len(found).to_bytes(2, "big") + bytes(4) + query[12:] + b"".join(found)


def record(kind: int, ttl: int, data: bytes) -> bytes:
    return b"\xc0\x0c" + b"".join(each.to_bytes(2, "big") for each in (kind, 1)) + ttl.to_bytes(4, "big") + len(data).to_bytes(2, "big") + data


@contextmanager
def resolver(reply: Callable[[bytes], list[bytes]], port: int = 0) -> Iterator[tuple[str, int]]:
    class Server(DatagramServer):
        def handle(self, data: Any, address: Any) -> None:
            for each in reply(data):
                self.socket.sendto(each, address)

    server = Server(f"127.0.0.1:{port}")
    server.start()
    try:
        yield "127.0.0.1", int(server.server_port or 0)
    finally:
        server.stop()


def test_both_kinds_are_asked_for_and_the_shortest_time_holds() -> None:
    with resolver(lambda query: [answer(query, {1: [(60, V4)], 28: [(30, V6)]})]) as where:
        assert ask(where, "a.example") == Found(("192.0.2.1", "::1"), 30.0)


def test_an_alias_on_the_way_has_its_time_too() -> None:
    with resolver(lambda query: [answer(query, {5: [(5, b"\xc0\x0c")], 1: [(3600, V4)]})]) as where:
        assert ask(where, "a.example") == Found(("192.0.2.1",), 5.0)


def test_the_order_is_the_same_however_the_resolver_turns_it() -> None:
    with resolver(lambda query: [answer(query, {1: [(60, b"\x0a" * 4), (60, V4), (60, b"\x0a" * 4)], 28: [(60, V6)]})]) as where:
        assert ask(where, "a.example").addresses == ("10.10.10.10", "192.0.2.1", "::1")
    with resolver(lambda query: [answer(query, {1: [(60, V4), (60, b"\x0a" * 4)], 28: [(60, V6)]})]) as where:
        assert ask(where, "a.example").addresses == ("10.10.10.10", "192.0.2.1", "::1")


def test_what_answers_another_question_is_not_believed() -> None:
    def reply(query: bytes) -> list[bytes]:
        forged = answer(bytes([query[0] ^ 1]) + query[1:], {1: [(60, b"\x06" * 4)]})
        return [b"nonsense", forged, answer(query, {1: [(60, V4)]})]

    with resolver(reply) as where:
        assert ask(where, "a.example").addresses == ("192.0.2.1",)


def test_a_name_that_nobody_has_is_told() -> None:
    with resolver(lambda query: [answer(query, {}, 0x8183)]) as where, pytest.raises(NoAddress, match="code 3"):
        ask(where, "a.example")


def test_a_silent_resolver_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "PATIENCE", 0.05)
    with resolver(lambda _: []) as where, pytest.raises(NoAddress, match="resolver 127"):
        ask(where, "a.example")


def test_what_was_too_long_for_a_packet_is_asked_for_again_by_tcp() -> None:
    def stream(sock: Any, _: object) -> None:
        with sock.makefile("rb") as file:
            query = file.read(int.from_bytes(file.read(2), "big"))
        whole = answer(query, {1: [(60, V4)]})
        sock.sendall(len(whole).to_bytes(2, "big") + whole)
        sock.close()

    server = StreamServer("127.0.0.1:0", stream)  # before the other: connections take their ports from these, too
    server.start()
    try:
        with resolver(lambda query: [answer(query, {}, 0x8380)], int(server.server_port or 0)) as where:
            assert ask(where, "a.example").addresses == ("192.0.2.1",)
    finally:
        server.stop()


HOSTS = "127.0.0.1 localhost Db.Example # 192.0.2.9 db.example\n::1 localhost db.example\nnonsense db.example\n192.0.2.7\n"


def test_the_table_of_the_machine_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text(HOSTS)
    monkeypatch.setattr(lookup, "HOSTS", tmp_path / "hosts")
    monkeypatch.setattr(lookup, "RESOLVERS", tmp_path / "none")
    assert look_up("db.example").addresses == ("127.0.0.1", "::1")
    assert in_hosts("other", HOSTS) == ()


def test_resolvers_are_asked_in_their_order() -> None:
    assert list(resolvers("# x\nnameserver 192.0.2.1\nsearch a b\nnameserver ::1\nnameserver nonsense\nnameserver")) == [("192.0.2.1", 53), ("::1", 53)]


def test_where_no_resolver_knows_the_system_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lookup, "HOSTS", tmp_path / "none")
    monkeypatch.setattr(lookup, "RESOLVERS", tmp_path / "none")
    assert "127.0.0.1" in look_up("localhost").addresses
    monkeypatch.setattr(gevent.socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(NoAddress, match="no resolver is known"):
        look_up("a.example")
