from prometheus_client.parser import text_string_to_metric_families

from sozu.command.facts import Certificate
from sozu.master.metrics.counted import MasterFigures
from sozu.master.metrics.exposition import exposition

WORKER = {
    "requests": 7,
    "bytes_in": 100,
    "bytes_out": 2000,
    "connections_accepted": 3,
    "connections_open": 1,
    "exchanges_open": 0,
    "backends": {"down": 1, "resting": 0, "pending": 2},
    "statuses": {"200": 6, "404": 1},
    "latency": {"bounds": [0.1, 1.0], "counts": [4, 2, 1], "sum": 3.5},
}


def samples(page: bytes) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels, in the order of the labels' names."""
    families = text_string_to_metric_families(page.decode())
    return {(s.name, *(value for _, value in sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_each_worker_is_a_series_of_its_own() -> None:
    page = samples(exposition(MasterFigures(12, 2, {"0": 1, "1": 3}), {"0": WORKER, "1": WORKER}))

    assert page["sozu_revision",] == 12
    assert page["sozu_workers_running",] == 2
    assert page["sozu_worker_fills_total", "1"] == 3
    assert page["sozu_requests_total", "0"] == page["sozu_requests_total", "1"] == 7
    assert page["sozu_connections_open", "0"] == 1
    assert page["sozu_responses_total", "404", "0"] == 1
    assert (page["sozu_backends", "down", "0"], page["sozu_backends", "pending", "1"]) == (1, 2)


def test_the_histogram_is_cumulative_and_ends_with_everything() -> None:
    page = samples(exposition(MasterFigures(1, 1, {}), {"0": WORKER}))

    buckets = [page["sozu_request_seconds_bucket", bound, "0"] for bound in ("0.1", "1.0", "+Inf")]
    assert buckets == [4, 6, 7]
    assert page["sozu_request_seconds_count", "0"] == 7
    assert page["sozu_request_seconds_sum", "0"] == 3.5


def test_a_worker_that_did_not_answer_is_absent() -> None:
    assert not any(name[0].startswith("sozu_requests") for name in samples(exposition(MasterFigures(1, 0, {"0": 1}), {})))


def test_each_certificate_tells_when_it_expires() -> None:
    certificates = [Certificate(fingerprint="ab", certificate="c", private_key="k", names=("a.example", "b.example"), not_after=1_800_000_000)]
    assert samples(exposition(MasterFigures(1, 0, {}, certificates), {}))["sozu_certificate_expires", "ab", "a.example"] == 1_800_000_000
