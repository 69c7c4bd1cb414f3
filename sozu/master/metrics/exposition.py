"""The workers' counters in Prometheus' text format. Pure: snapshots in, text out.

Each worker is a series of its own (`worker="0"`): its counters begin at 0 when it is replaced, which is what `rate()` expects of
a series, and what it could not see in a sum.
"""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from sozu.master.metrics.counted import COUNTERS, GAUGES, MasterFigures, Snapshots


def exposition(master: MasterFigures, workers: Snapshots) -> bytes:
    """The whole page."""
    # One for each page: the library's own would add figures of this Python
    # process, and it counts up, where what is counted here was counted by others.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page([*_of_master(master), *_of_workers(workers)]))
    return generate_latest(registry)


class _Page(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _of_master(master: MasterFigures) -> Iterator[Metric]:
    yield GaugeMetricFamily("sozu_revision", "The revision in force.", value=master.revision)
    yield GaugeMetricFamily("sozu_workers_running", "Workers that accept now.", value=master.running)
    fills = CounterMetricFamily("sozu_worker_fills", "How often a worker was started for a slot.", labels=["worker"])
    for worker, count in master.fills.items():
        fills.add_metric([worker], count)
    yield fills
    expiry = GaugeMetricFamily("sozu_certificate_expires", "When a certificate expires, in seconds since 1970.", labels=["fingerprint", "name"])
    for each in master.certificates:
        # One name is enough to know it by. All of a certificate's
        # names might be thousands of bytes in each scrape.
        expiry.add_metric([each.fingerprint, next(iter(each.names), "")], each.not_after)
    yield expiry


def _of_workers(workers: Snapshots) -> Iterator[Metric]:
    for name, text in COUNTERS.items():
        yield _filled(CounterMetricFamily(f"sozu_{name}", text, labels=["worker"]), name, workers)
    for name, text in GAUGES.items():
        yield _filled(GaugeMetricFamily(f"sozu_{name}", text, labels=["worker"]), name, workers)
    yield _troubles(workers)
    yield _statuses(workers)
    yield _latency(workers)


def _filled(metric: Metric, name: str, workers: Snapshots) -> Metric:
    for worker, figures in workers.items():
        # A worker of an earlier version does not tell each figure. A series that is not there is honest; a 0 would be a
        # claim.
        if name in figures:
            # Each family has an `add_metric` of its own; of `Metric`, which all of them are, only this is known.
            metric.add_sample(_sample_name(metric), {"worker": worker}, figures[name])
    return metric


def _sample_name(metric: Metric) -> str:
    # The library takes `_total` off a counter's name, and puts the samples' names on the page as it is given them.
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _troubles(workers: Snapshots) -> Metric:
    metric = GaugeMetricFamily("sozu_backends", "Backends that get nothing now: down, resting after failures, or pending in DNS.", labels=["worker", "state"])
    for worker, figures in workers.items():
        for state, count in figures.get("backends", {}).items():
            metric.add_metric([worker, state], count)
    return metric


def _statuses(workers: Snapshots) -> Metric:
    metric = CounterMetricFamily("sozu_responses", "Final responses by status code.", labels=["worker", "status"])
    for worker, figures in workers.items():
        for status, count in figures.get("statuses", {}).items():
            metric.add_metric([worker, status], count)
    return metric


def _latency(workers: Snapshots) -> Metric:
    text = "Seconds from the first byte of a request's head to the last byte of its response."
    metric = HistogramMetricFamily("sozu_request_seconds", text, labels=["worker"])
    for worker, figures in workers.items():
        if (latency := figures.get("latency")) is not None:
            # A worker counts each exchange in one bucket, which is one addition for it. Prometheus wants buckets that
            # hold all smaller ones as well (`le`), the last one everything.
            bounds = [*map(str, latency["bounds"]), "+Inf"]
            metric.add_metric([worker], list(zip(bounds, accumulate(latency["counts"]), strict=True)), latency["sum"])
    return metric
