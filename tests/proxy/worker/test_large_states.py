"""What a cluster costs a worker that has thousands of them: docs/routing.md promises ten thousand hosts in a hundred megabytes."""

from collections.abc import Iterator
import gc
import tracemalloc

from sozu.command.facts import Protocol
from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, AddListener, AnyOrder
from sozu.command.routes import RouteTable
from sozu.proxy.loop.breath import Breath
from sozu.proxy.registry import Registry
from sozu.proxy.worker.transactions import Transactions

CLUSTERS = 1000
MOST = 4500  # bytes: 3000 as this is written; 25 MB for the worker itself leave 7500


class Tables:
    def __init__(self) -> None:
        self.routes = RouteTable()
        self.registry = Registry()


def sites() -> Iterator[AnyOrder]:
    yield AddListener(protocol=Protocol.HTTP, address="127.0.0.1:80")
    for number in range(CLUSTERS):
        yield AddCluster(cluster=f"c{number}")
        yield AddHttpFrontend(cluster=f"c{number}", hostname=f"h{number}.example.com")
        yield AddHttpFrontend(cluster=f"c{number}", hostname=f"h{number}.example.com", path="/api")
        yield AddBackend(cluster=f"c{number}", address="127.0.0.1:9000")


def test_a_cluster_with_two_frontends_and_a_backend_costs_a_few_kilobytes() -> None:
    transactions = Transactions(Tables(), Breath(lambda: None))
    gc.collect()
    tracemalloc.start(1)
    try:
        transactions.apply(1, list(sites()))
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held / CLUSTERS < MOST
