from itertools import count
import socket
from typing import Any

import gevent
from gevent import socket as gevent_socket
import gevent.event

from sozu.master.metrics.counted import MasterFigures, Snapshots
from sozu.master.metrics.statsd import LONGEST, lines, packets, telling


def worker(requests: int, open_now: int = 0, **statuses: int) -> dict[str, Any]:
    backends = {"down": 1, "resting": 0}
    return {"requests": requests, "connections_open": open_now, "statuses": {name[1:]: n for name, n in statuses.items()}, "backends": backends}


def reading(*fills: int, **workers: dict[str, Any]) -> tuple[MasterFigures, Snapshots]:
    figures = {name[1:]: snapshot for name, snapshot in workers.items()}
    return MasterFigures(12, len(figures), {str(slot): n for slot, n in enumerate(fills)}), figures


def test_counters_say_what_has_come_and_gauges_what_there_is() -> None:
    last = reading(1, 1, w0=worker(10, 3, s200=10), w1=worker(5))
    now = reading(1, 1, w0=worker(14, 2, s200=11, s404=3), w1=worker(6, 4, s200=1))
    told = list(lines(last, now))

    assert "sozu.requests:5|c" in told
    assert "sozu.responses.200:2|c" in told
    assert "sozu.responses.404:3|c" in told
    assert "sozu.connections_open:6|g" in told
    assert "sozu.backends.down:1|g" in told
    assert told[-2:] == ["sozu.revision:12|g", "sozu.workers_running:2|g"]


def test_who_takes_the_place_of_another_has_counted_from_nothing() -> None:
    told = list(lines(reading(1, w0=worker(10, s200=10)), reading(2, w0=worker(12, s200=12))))

    assert "sozu.requests:12|c" in told
    assert "sozu.responses.200:12|c" in told


def test_no_worker_is_told_as_nothing() -> None:
    told = list(lines(reading(1, w0=worker(10)), reading(1)))

    assert "sozu.requests:0|c" in told
    assert "sozu.workers_running:0|g" in told


def test_a_packet_holds_what_no_network_cuts() -> None:
    figures = [f"sozu.responses.{status}:1|c" for status in range(100, 600)]
    sent = list(packets(iter(figures)))

    assert max(map(len, sent)) <= LONGEST
    assert b"\n".join(sent).decode().split("\n") == figures


def test_a_server_is_told_again_and_again() -> None:
    requests = count(10, 7)
    with gevent_socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with gevent.Timeout(20), telling(address, lambda: reading(1, w0=worker(next(requests))), interval=0.01):
            heard = [server.recv(LONGEST) for _ in range(3)]

    assert all(packet.startswith(b"sozu.requests:7|c\n") for packet in heard)


def test_an_address_that_cannot_be_reached_is_tried_again() -> None:
    asked = []
    done = gevent.event.Event()

    def read() -> tuple[MasterFigures, Snapshots]:
        asked.append(1)
        if len(asked) > 3:
            done.set()
        return reading(1)

    with gevent.Timeout(20), telling("255.255.255.255:9", read, interval=0.01):
        done.wait()


def test_who_is_to_tell_nobody_reads_nothing() -> None:
    with telling(None, reading):
        pass
