"""Backends at their worst behind real workers: clients are told at the time that was configured, other clusters notice nothing, nothing is left."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
import http.client
from itertools import cycle
import re
import socket
from statistics import median
from time import monotonic
from typing import Any

import pytest

from tests.e2e.asking import connect, get
from tests.e2e.load import Load
from tests.e2e.misbehaving import misbehaving
from tests.e2e.processes import LIMIT, Proxy, configuration
from tests.e2e.vitals import unharmed
from tests.proxy import fault_origin as faults
from tests.proxy.fault_origin import black_hole, refusing

TIMEOUT = 0.2
LATE = 1.0  # more than a worker is late on a machine with other things to do
AT_ONCE = 0.05
POOL = {"idle": 0.1}
MOST_INTERIM = 16
FRAMING = 200_000  # bytes: more than that is no body that anybody means


WITHOUT_END_OR_SENSE = [faults.endless_head, faults.endless_field, faults.storm_of_interims, faults.garbage]
NOTHING_BUT_FRAMING = [faults.endless_chunk_extension, faults.endless_chunk_extensions, faults.endless_trailers]
BEGINNINGS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nhalf",
]


def cluster(name: str, *backends: str, **settings: Any) -> dict[str, dict[str, Any]]:
    return {name: {"frontends": [{"hostname": name}], "backends": list(backends), **settings}}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, origin_address: str) -> Iterator[Proxy]:
    """A worker with a cluster for each way of being bad, a host of the same name each; all other hosts are sound."""
    framings = cycle(BEGINNINGS)

    def reset(connection: faults.Connection) -> None:
        connection.head()
        connection.send(next(framings))
        connection.reset()

    with ExitStack() as origins:
        closed = origins.enter_context(refusing())
        hole = origins.enter_context(black_hole())
        hanging, resetting = (origins.enter_context(misbehaving(fault)) for fault in (faults.hang, reset))
        senseless = [origins.enter_context(misbehaving(fault)) for fault in WITHOUT_END_OR_SENSE + NOTHING_BUT_FRAMING]
        clusters = {
            "sound": {"frontends": [{"hostname": "*"}], "backends": [origin_address]},
            **cluster("one-is-down", closed),
            **cluster("five-are-down", *(closed.replace("127.0.0.1", f"127.0.0.{number}") for number in range(1, 6))),
            **cluster("hole", hole, timeouts={"connect": TIMEOUT}),
            **cluster("hanging", hanging, timeouts={"back": TIMEOUT}),
            **cluster("senseless", *senseless),
            **cluster("resetting", resetting),
        }
        folder = tmp_path_factory.mktemp("bad-backends")
        with Proxy(folder, "-c", str(configuration(folder, clusters, workers=1, pool=POOL))) as running:
            yield running


def timed(proxy: Proxy, host: str) -> tuple[int, float]:
    """Status of a request, and how many seconds it took."""
    began = monotonic()
    return get(proxy.port, host=host)[0], monotonic() - began


@pytest.mark.parametrize("host", ["one-is-down", "five-are-down"])
def test_backends_that_are_down_are_told_within_50_ms(proxy: Proxy, host: str) -> None:
    with unharmed(proxy):
        answers = [timed(proxy, host) for _ in range(20)]

    assert {status for status, _ in answers} == {502}
    assert median(seconds for _, seconds in answers) < AT_ONCE


def test_a_black_hole_ends_at_the_connect_timeout_and_other_clusters_notice_nothing(proxy: Proxy) -> None:
    with unharmed(proxy), Load(proxy.port, clients=2) as load:
        status, seconds = timed(proxy, "hole")
        load.further(100)

    assert status == 504
    assert TIMEOUT <= seconds < TIMEOUT + LATE
    assert load.failures == Counter()


def test_a_backend_that_hangs_is_504_at_the_configured_time(proxy: Proxy) -> None:
    with unharmed(proxy):
        status, seconds = timed(proxy, "hanging")

    assert status == 504
    assert TIMEOUT <= seconds < TIMEOUT + LATE


def test_an_answer_that_has_no_end_or_no_sense_is_502_or_cut(proxy: Proxy) -> None:
    with unharmed(proxy):
        # One after the other has its turn, three times.
        for _ in range(3):
            told = [all_of_it(proxy) for _ in WITHOUT_END_OR_SENSE + NOTHING_BUT_FRAMING]
            assert max(map(len, told)) < FRAMING
            assert sum(status == b"502" for status in map(last_status, told)) >= len(WITHOUT_END_OR_SENSE)


def last_status(received: bytes) -> bytes:
    """Of the final answer; those before it must be few."""
    *interim, last = re.findall(rb"^HTTP/1.1 (\d+)", received, re.MULTILINE)
    assert len(interim) <= MOST_INTERIM
    assert interim == [b"103"] * len(interim)
    assert isinstance(last, bytes)
    return last


def all_of_it(proxy: Proxy) -> bytes:
    """What comes of the senseless ones until the connection ends."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=LIMIT) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: senseless\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_reset_in_mid_body_is_a_broken_message_in_every_framing(proxy: Proxy) -> None:
    with unharmed(proxy):
        for _ in range(60):
            assert is_broken(proxy)


def is_broken(proxy: Proxy) -> bool:
    """Does the client see that its answer is not whole? A 502 instead of the answer says so too."""
    connection = connect(proxy.port)
    connection.request("GET", "/", headers={"Host": "resetting"})
    try:
        with connection.getresponse() as response:
            response.read()
            return response.status == 502
    except (http.client.HTTPException, OSError):
        return True
    finally:
        connection.close()
