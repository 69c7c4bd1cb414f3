import json

import pytest

from sozu.proxy.counters import LATENCY_BOUNDS, Counters
from sozu.proxy.entry import Entry, Texts


def over(status: int, seconds: float, *, size_in: int = 0, size: int = 0, retries: int = 0) -> Entry:
    return Entry(b"id", 1, b"", Texts(), status, 100.0, None, None, 100.0 + seconds, None, None, size_in, size, retries, None)


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.00049, 0), (0.0006, 1), (1.0, LATENCY_BOUNDS.index(1.0)), (3600.0, len(LATENCY_BOUNDS))],
)
def test_a_duration_counts_in_the_first_bucket_whose_bound_is_not_below_it(seconds: float, bucket: int) -> None:
    counters = Counters()
    counters.count([over(200, seconds)])
    histogram = counters.latency
    assert histogram.counts.index(1) == bucket
    assert histogram.total == pytest.approx(seconds)


def test_an_answer_counts_its_status_and_its_latency() -> None:
    counters = Counters()
    counters.count([over(200, 0.002), over(200, 0.2)])
    counters.count([over(999, 0.0)])
    snapshot = counters.snapshot()
    assert snapshot["statuses"] == {"200": 2, "999": 1}
    assert sum(snapshot["latency"]["counts"]) == 3
    assert snapshot["latency"]["sum"] == pytest.approx(0.202)


def test_an_exchange_that_nobody_was_told_about_counts_without_a_status() -> None:
    counters = Counters()
    counters.count([over(0, 1.0, size_in=5, size=7, retries=1), over(200, 1.0, size_in=1, size=2)])
    assert (counters.requests, counters.bytes_in, counters.bytes_out, counters.retries) == (2, 6, 9, 1)
    assert counters.snapshot()["statuses"] == {"200": 1}
    assert sum(counters.latency.counts) == 1


def test_a_snapshot_is_json_and_names_every_counter() -> None:
    snapshot = Counters().snapshot()
    assert json.loads(json.dumps(snapshot))["requests"] == 0
    assert set(snapshot) == set(Counters.__slots__)
    assert len(snapshot["latency"]["counts"]) == len(snapshot["latency"]["bounds"]) + 1
