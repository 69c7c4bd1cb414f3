"""What TLS promises in large numbers, with figures: `pytest -m slow -rP tests/e2e/test_tls_at_length.py`."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
import json
from pathlib import Path
import socket
from statistics import median
import sys
import threading
from time import monotonic
from typing import Any

import pytest

from sozu.command.client import Client
from sozu.command.orders import AddCertificate, ReplaceCertificate
from tests.command.certificates import authority
from tests.command.certificates.authority import Authority, ecdsa, key_pem
from tests.e2e.over_tls import (
    AUTHORITY,
    added,
    ask,
    chain_of,
    fingerprint,
    key_of,
    open_tls,
    trusting,
    unchecked,
    written,
)
from tests.e2e.processes import LIMIT, Proxy
from tests.procfs import resident_bytes

pytestmark = pytest.mark.slow

SECONDS = 10
UNFINISHED = 500  # a second
CERTIFICATES = 10_000
MOST_BYTES = 4096  # for each of them in a worker, until it is used


@pytest.fixture
def proxy(tmp_path: Path, origin_address: str) -> Iterator[Proxy]:
    certificate = AUTHORITY.issue_cert("one.example")
    listeners: list[dict[str, Any]] = [
        {"protocol": "http", "address": "127.0.0.1:0"},
        {"protocol": "https", "address": "127.0.0.2:0", "certificates": [written(tmp_path, "one", certificate)]},
    ]
    clusters = {"all": {"frontends": [{"hostname": "*"}], "backends": [origin_address]}}
    (tmp_path / "sozu.yaml").write_text(json.dumps({"listeners": listeners, "clusters": clusters, "workers": 2}))
    with Proxy(tmp_path, "-c", str(tmp_path / "sozu.yaml")) as running:
        yield running


def show(figures: str) -> None:
    sys.stdout.write(f"{figures}\n")


def port_of(proxy: Proxy) -> int:
    (address,) = [each["address"] for each in proxy.status()["listeners"] if each["protocol"] == "https"]
    return int(address.rpartition(":")[2])


def asked(port: int, name: str = "one.example") -> float:
    """Seconds for a handshake and a request."""
    began = monotonic()
    with open_tls(port, name, CONTEXT, at="127.0.0.2") as tls:
        assert ask(tls, host=name) == (200, b"origin")
    return monotonic() - began


CONTEXT = trusting()


def paced(a_second: float, work: Callable[[int], object]) -> int:
    """Do it so often, for a while; how often it was done."""
    began, count, clock = monotonic(), 0, threading.Event()
    while monotonic() < began + SECONDS:
        work(count)
        count += 1
        clock.wait(max(0.0, began + count / a_second - monotonic()))
    return count


def test_nobody_waits_for_unfinished_handshakes(proxy: Proxy) -> None:
    port, open_ones, times = port_of(proxy), list[socket.socket](), list[float]()

    def begin(_: int) -> None:
        client = socket.create_connection(("127.0.0.2", port), timeout=LIMIT)
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        open_ones.append(client)
        if len(open_ones) > UNFINISHED:
            open_ones.pop(0).close()

    flood = threading.Thread(target=paced, args=(UNFINISHED, begin))
    flood.start()
    while flood.is_alive():
        times.append(asked(port))
    for client in open_ones:
        client.close()
    times.sort()
    show(f"{UNFINISHED} unfinished a second; {len(times)} others: median {median(times) * 1e3:.1f} ms, p99 {times[len(times) * 99 // 100] * 1e3:.1f} ms")
    assert times[len(times) * 99 // 100] < 1


def test_certificates_that_are_swapped_ten_times_a_second_fail_no_handshake(proxy: Proxy) -> None:
    certificates, port = [AUTHORITY.issue_cert("swap.example") for _ in range(2)], port_of(proxy)
    proxy.ask(added(certificates[0]))
    done: list[float] = []

    def swap(number: int) -> None:
        old, new = certificates[number % 2], certificates[(number + 1) % 2]
        proxy.ask(ReplaceCertificate(fingerprint=fingerprint(old), certificate=chain_of(new), private_key=key_of(new)))

    swapping = threading.Thread(target=paced, args=(10, swap))
    swapping.start()
    while swapping.is_alive():
        done.append(asked(port, "swap.example"))
    show(f"{len(done)} handshakes, none failed, beside 10 swaps a second for {SECONDS} s")


def test_ten_thousand_certificates_cost_little_until_they_are_used(proxy: Proxy) -> None:
    authority.NOW = datetime.now(UTC)
    issuer = Authority("ten thousand")
    before = [resident_bytes(pid) for pid in proxy.worker_pids()]
    with Client(proxy.socket, timeout=4 * LIMIT) as client, client.transaction() as transaction:
        for number in range(CERTIFICATES):
            key = ecdsa()
            transaction.order(AddCertificate(certificate=issuer.issue(key, f"h{number}.example"), private_key=key_pem(key), chain=(issuer.pem,)))
    each = [(resident_bytes(pid) - there) / CERTIFICATES for pid, there in zip(proxy.worker_pids(), before, strict=True)]
    first, later = times_of(port_of(proxy))
    show(f"{max(each):.0f} bytes each in a worker; {first * 1e3:.2f} ms more for the first handshake, of {later * 1e3:.2f} ms")
    assert max(each) <= MOST_BYTES


def times_of(port: int) -> tuple[float, float]:
    """What the first handshake with a certificate takes more than a later one, and what that takes; medians, in seconds."""
    context = unchecked()

    def handshake(number: int) -> float:
        began = monotonic()
        with suppress(OSError), open_tls(port, f"h{number}.example", context, at="127.0.0.2"):
            return monotonic() - began
        pytest.fail("no handshake")

    numbers = range(0, CERTIFICATES, CERTIFICATES // 200)
    first = median(handshake(number) for number in numbers)
    later = median([handshake(number) for number in numbers for _ in range(5)][4::5])
    return first - later, later

