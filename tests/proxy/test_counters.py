import json

import pytest

from sozu.proxy.counters import LATENCY_BOUNDS, Counters


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.0005, 0), (0.0006, 1), (1.0, LATENCY_BOUNDS.index(1.0)), (3600.0, len(LATENCY_BOUNDS))],
)
def test_a_duration_counts_in_the_first_bucket_whose_bound_is_not_below_it(seconds: float, bucket: int) -> None:
    counters = Counters()
    counters.answered(200, seconds)
    histogram = counters.latency
    assert histogram.counts.index(1) == bucket
    assert histogram.total == seconds


def test_an_answer_counts_its_status_and_its_latency() -> None:
    counters = Counters()
    counters.answered(200, 0.002)
    counters.answered(200, 0.2)
    counters.answered(999, 0.0)
    snapshot = counters.snapshot()
    assert snapshot["statuses"] == {"200": 2, "999": 1}
    assert sum(snapshot["latency"]["counts"]) == 3
    assert snapshot["latency"]["sum"] == pytest.approx(0.202)


def test_a_snapshot_is_json_and_names_every_counter() -> None:
    snapshot = Counters().snapshot()
    assert json.loads(json.dumps(snapshot))["requests"] == 0
    assert set(snapshot) == set(Counters.__slots__)
    assert len(snapshot["latency"]["counts"]) == len(snapshot["latency"]["bounds"]) + 1
