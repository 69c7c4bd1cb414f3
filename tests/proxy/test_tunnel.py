
import gevent
import pytest

from tests.proxy.lab import Lab, Peer, field, names, settle

UPGRADE = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
LARGE = bytes(range(256)) * 8192


def tunnel(lab: Lab) -> tuple[Peer, Peer]:
    client = lab.client(UPGRADE)
    origin = lab.origin()
    origin.head()
    origin.send(SWITCHING)
    client.head()
    return client, origin


def test_an_upgrade_is_asked_for_and_answered_in_our_own_name(lab: Lab) -> None:
    client = lab.client(UPGRADE)
    origin = lab.origin()
    head = origin.head()
    assert (field(head, b"upgrade"), field(head, b"connection")) == (b"websocket", b"upgrade")
    origin.send(SWITCHING)
    answer = client.head()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert (field(answer, b"upgrade"), field(answer, b"connection")) == (b"websocket", b"upgrade")


def test_bytes_pass_both_ways_unchanged(lab: Lab) -> None:
    client, origin = tunnel(lab)
    client.send(b"\x81\x05hello")
    assert origin.read(7) == b"\x81\x05hello"
    origin.send(b"GET / HTTP/1.1\r\n\r\n")
    assert client.read(18) == b"GET / HTTP/1.1\r\n\r\n"


def test_bytes_that_came_with_the_heads_are_not_lost(lab: Lab) -> None:
    client = lab.client(UPGRADE + b"early up")
    origin = lab.origin()
    origin.head()
    origin.send(SWITCHING + b"early down")
    client.head()
    assert client.read(10) == b"early down"
    assert origin.read(8) == b"early up"


def test_much_may_pass_both_ways_at_once(lab: Lab) -> None:
    client, origin = tunnel(lab)
    senders = [gevent.spawn(client.send, LARGE), gevent.spawn(origin.send, LARGE)]
    readers = [gevent.spawn(client.read, len(LARGE)), gevent.spawn(origin.read, len(LARGE))]
    assert [reader.get(timeout=10) for reader in readers] == [LARGE, LARGE]
    for sender in senders:
        sender.get(timeout=10)


@pytest.mark.parametrize("client_first", [True, False])
def test_one_way_may_end_before_the_other(lab: Lab, *, client_first: bool) -> None:
    client, origin = tunnel(lab)
    first, second = (client, origin) if client_first else (origin, client)
    first.end()
    assert second.rest() == b""
    second.send(b"still here")
    assert first.read(10) == b"still here"
    second.end()
    assert first.rest() == b""
    record = lab.entry()
    assert (record.status, record.ended) == (101, None)
    assert record.bytes_in + record.bytes_out >= 10


def test_a_tunnel_counts_as_live_until_it_ends(lab: Lab) -> None:
    client, origin = tunnel(lab)
    settle()
    assert lab.backend().exchanges == 1
    client.end()
    origin.end()
    settle()
    assert lab.backend().exchanges == 0


def test_an_idle_tunnel_ends_in_time_and_a_busy_one_does_not(lab: Lab) -> None:
    client, origin = tunnel(lab)
    lab.wait(59)
    client.send(b"x")
    assert origin.read(1) == b"x"
    lab.wait(59)
    assert client.is_open()
    lab.wait(61)
    assert not client.is_open()
    assert not origin.is_open()
    assert lab.log.entries[0].ended == "the tunnel was idle for too long"
    assert lab.traffic.counters.backend_failures == 0


def test_a_reset_of_one_side_ends_the_other(lab: Lab) -> None:
    client, origin = tunnel(lab)
    client.reset()
    settle()
    assert not origin.is_open()


def test_an_upgrade_that_is_declined_is_an_ordinary_answer(lab: Lab) -> None:
    client = lab.client(UPGRADE)
    origin = lab.origin()
    origin.head()
    origin.send(b"HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok")
    head, body = client.answer()
    assert body == b"ok"
    assert not {b"upgrade", b"connection"} & set(names(head))
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert origin.head()


def test_no_tunnel_to_h2c(lab: Lab) -> None:
    lab.client(
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    )
    assert not {b"upgrade", b"connection", b"http2-settings"} & set(names(lab.origin().head()))
