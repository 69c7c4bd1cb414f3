from collections.abc import Iterator

import pytest

from sozu.command.edits.facts import Rate
from sozu.command.facts import Frontend
from sozu.proxy.edits import rates
from sozu.proxy.edits.rates import Buckets, Rates
from tests.proxy.lab import Lab, field, opened

GET = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"


def passed(buckets: Buckets, every: float, seconds: float, address: bytes = b"a") -> int:
    return sum(buckets.take(address, number * every) == 0 for number in range(round(seconds / every)))


@pytest.mark.parametrize(("rate", "workers"), [(Rate(requests=10), 1), (Rate(requests=600, seconds=60), 2), (Rate(requests=100, burst=8), 4)])
def test_the_rate_is_kept_exactly_over_time(rate: Rate, workers: int) -> None:
    let_in = passed(Buckets(rate, workers), 0.003, 300)
    burst = (rate.burst or rate.requests) / workers
    assert let_in - burst == pytest.approx(300 * rate.requests / rate.seconds / workers, rel=0.01, abs=1)


def test_a_burst_is_let_in_at_once_and_then_no_more() -> None:
    buckets = Buckets(Rate(requests=1, burst=5), 1)
    assert [buckets.take(b"a", 0.0) for _ in range(7)] == [0, 0, 0, 0, 0, 1, 1]
    assert buckets.take(b"a", 1.0) == 0


def test_it_is_told_when_the_next_may_come() -> None:
    buckets = Buckets(Rate(requests=1, seconds=60), 1)
    assert [buckets.take(b"a", 0.0), buckets.take(b"a", 0.0), buckets.take(b"a", 30.0)] == [0, 60, 30]


def test_each_address_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(Rate(requests=1), 1)
    assert [buckets.take(b"a", 0.0), buckets.take(b"b", 0.0), buckets.take(b"a", 0.0)] == [0, 0, 1]


def test_a_flood_of_addresses_drives_out_who_was_quiet_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST", 2)
    buckets = Buckets(Rate(requests=1), 1)
    for address in (b"a", b"b", b"a", b"c"):
        buckets.take(address, 0.0)
    assert buckets.take(b"a", 0.0) == 1
    assert buckets.take(b"b", 0.0) == 0


def test_another_rate_begins_anew() -> None:
    all_rates = Rates()
    slow, quick = Rate(requests=1), Rate(requests=2)
    assert [all_rates.take("f", rate, b"a", 0.0) for rate in (slow, slow, quick, quick, quick)] == [0, 1, 0, 0, 1]


def test_frontends_that_were_not_asked_for_lately_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "KEPT", 2)
    all_rates, rate = Rates(), Rate(requests=1)
    assert [all_rates.take(frontend, rate, b"a", 0.0) for frontend in ("f", "g", "f", "h", "f", "g")] == [0, 0, 1, 0, 1, 0]


@pytest.fixture
def lab() -> Iterator[Lab]:
    with opened(Lab(workers=1)) as lab:
        lab.change(Frontend(cluster="c", hostname="a", path="/slow", rate=Rate(requests=1, seconds=3600)))
        yield lab


def test_a_request_too_many_is_told_when_to_come_again(lab: Lab) -> None:
    client = lab.client(GET)
    lab.origin().send(b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n")
    assert client.head().startswith(b"HTTP/1.1 200")
    client.send(GET)
    head = client.head()
    assert head.startswith(b"HTTP/1.1 429")
    assert 3500 <= int(field(head, b"retry-after")) <= 3600
    lab.client(GET, name=b"192.0.2.2:1")
    lab.client(GET.replace(b"/slow", b"/"))
    assert lab.origin()
