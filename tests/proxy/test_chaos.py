"""Many clients and backends that misbehave in every combination at once: whatever happens, nothing is left behind and nothing is mixed up."""

from collections.abc import Callable
import gc
from random import Random
import re

from gevent import get_hub
from gevent.pool import Group
import pytest

from sozu.proxy.pool import Pool
from sozu.proxy.upload import Upload
from tests.proxy import fault_origin as faults
from tests.proxy.fault_origin import origin, refusing
from tests.proxy.lab import Lab, Peer, client_over_tcp, opened, settle

CLIENTS = 150
BRIEFLY = 0.05


def echo(connection: faults.Connection, choose: Random) -> None:
    """Answer each request by its own path, in one of the framings; or fail in one of the ways."""
    while head := connection.head():
        path = head.split()[1]
        if b"chunked" in head:
            connection.skip_to(b"0\r\n\r\n")
        connection.send(choose.choice(ANSWERS)(path))
        if choose.random() < 0.2:
            connection.reset()
            return
        if choose.random() < 0.1 or b"Content-Length" in head:  # an early answer, perhaps
            return


ANSWERS: list[Callable[[bytes], bytes]] = [
    lambda path: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path),
    lambda path: b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path),
    lambda path: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(path), path),
    lambda path: b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + path,
    lambda path: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b" % (len(path) + 9, path),
    lambda path: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense %b" % path,
    lambda path: b"nonsense %b" % path,
    lambda path: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + path,
]


def requests(number: int, choose: Random) -> bytes:
    """One to three requests, the last of which may be incomplete."""
    kinds = [
        b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /%d HTTP/1.0\r\n\r\n",
        b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
        b"PUT /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
        b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n12345",
        b"GET /%d HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly",
        b"GET /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /%d HT",
    ]
    return b"".join(choose.choice(kinds) % number for _ in range(choose.randint(1, 3)))


def visit(lab: Lab, number: int, choose: Random) -> None:
    client = client_over_tcp(lab.traffic)
    client.sock.settimeout(BRIEFLY)  # much of this never ends by itself
    try:
        client.send(requests(number, choose))
        match choose.randint(0, 3):
            case 0:
                client.reset()
            case 1:
                client.end()
                check(client, number)
            case 2:
                check(client, number)
            case _:
                client.sock.recv(10)
    except OSError:
        settle()
    finally:
        client.sock.close()


def check(client: Peer, number: int) -> None:
    """No client is ever told what was meant for another one."""
    try:
        client.rest()
    finally:
        assert set(re.findall(rb"/(\d{4})", client.received)) <= {b"%d" % number}


def meddle(lab: Lab, choose: Random) -> None:
    """Do to some session what only a worker may do: end it, drain it, or find it late, whatever it is doing."""
    for session in choose.sample(sorted(lab.traffic.sessions, key=id), min(3, len(lab.traffic.sessions))):
        choose.choice((session.close, session.drain, session.expire))()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("meddling", [False, True])
def test_nothing_is_left_behind_or_mixed_up(seed: int, caplog: pytest.LogCaptureFixture, *, meddling: bool) -> None:
    choose = Random(seed)
    with origin(lambda connection: echo(connection, choose)) as good, refusing() as bad, opened(Lab((good, bad))) as lab:
        traffic = lab.traffic
        traffic.pool = Pool(get_hub(), traffic.clock, traffic.deadlines, traffic.counters, traffic.settings.pool)
        visitors = Group()
        for number in range(CLIENTS):
            visitors.spawn(visit, lab, 1000 + number, choose)
            if meddling:
                traffic.hub.loop.run_callback(meddle, lab, choose)
            if number % 10 == 0:
                settle()
        visitors.join(raise_error=True)
        for _ in range(3):
            lab.wait(100)
        assert not traffic.sessions
        assert traffic.counters.exchanges_open == traffic.counters.connections_open == 0
        assert [live.exchanges for live in traffic.registry.rosters["c"].members.values()] == [0, 0]
    assert caplog.records == []
    assert not [thing for thing in gc.get_objects() if type(thing) is Upload and thing.running]
