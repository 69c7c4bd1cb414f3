from dataclasses import dataclass, field
import itertools

import pytest

from sozu.command.commit import commit
from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, AnyOrder, RemoveBackend, RemoveCluster
from sozu.command.routes import RouteTable
from sozu.command.rules import Objection
from sozu.command.state import ConfigState, same_facts
from sozu.proxy.loop.breath import Breath
from sozu.proxy.registry import Registry
from sozu.proxy.worker.transactions import Transactions


@dataclass
class Tables:
    routes: RouteTable = field(default_factory=RouteTable)
    registry: Registry = field(default_factory=Registry)

    def cluster_of(self, host: bytes) -> str | None:
        route = self.routes.find("127.0.0.1:8080", host, b"/")
        return None if route is None else route.cluster.cluster

    def backend_of(self, cluster: str) -> str | None:
        live = self.registry.rosters[cluster].choose() if cluster in self.registry.rosters else None
        return None if live is None else live.fact.address


def site(name: str, port: int = 9001) -> list[AnyOrder]:
    return [
        AddCluster(cluster=name),
        AddHttpFrontend(cluster=name, hostname=f"{name}.example.com"),
        AddBackend(cluster=name, address=f"127.0.0.1:{port}"),
    ]


def never() -> None:
    raise AssertionError("a small transaction needs no pause")


def still() -> float:
    return 1.0


ticking = itertools.count().__next__


def test_a_transaction_changes_routes_and_backends_and_the_revision() -> None:
    tables = Tables()
    transactions = Transactions(tables, Breath(never, still))
    transactions.apply(7, site("blog"))
    assert transactions.state.revision == 7
    assert tables.cluster_of(b"blog.example.com") == "blog"
    assert tables.backend_of("blog") == "127.0.0.1:9001"
    transactions.apply(8, [RemoveBackend(cluster="blog", address="127.0.0.1:9001")])
    assert (tables.cluster_of(b"blog.example.com"), tables.backend_of("blog")) == ("blog", None)


def test_parts_are_applied_with_the_last_one() -> None:
    tables = Tables()
    transactions = Transactions(tables, Breath(never, still))
    cluster, frontend, backend = site("blog")
    transactions.collect([cluster])
    transactions.collect([frontend])
    assert tables.cluster_of(b"blog.example.com") is None
    transactions.apply(1, [backend])
    assert (tables.cluster_of(b"blog.example.com"), tables.backend_of("blog")) == ("blog", "127.0.0.1:9001")


def test_an_order_that_cannot_be_carried_out_leaves_everything_as_it_was() -> None:
    tables = Tables()
    transactions = Transactions(tables, Breath(never, still))
    transactions.apply(1, site("blog"))
    before = transactions.state
    with pytest.raises(Objection):
        transactions.apply(2, [*site("shop"), RemoveCluster(cluster="nobody")])
    assert transactions.state is before
    assert (tables.cluster_of(b"shop.example.com"), tables.backend_of("shop")) == (None, None)
    transactions.apply(2, site("shop"))
    assert tables.backend_of("shop") == "127.0.0.1:9001"


def test_a_large_transaction_lets_traffic_run_and_shows_none_of_itself_before_its_end() -> None:
    tables = Tables()
    seen: list[tuple[str | None, str | None]] = []

    def look() -> None:
        seen.append((tables.cluster_of(b"s0.example.com"), tables.backend_of("s0")))

    transactions = Transactions(tables, Breath(look, ticking))
    transactions.apply(1, [AddCluster(cluster="s0")])
    orders = [order for number in range(200) for order in site(f"s{number}", 10_000 + number)]
    transactions.apply(2, orders)
    assert len(seen) > 5
    assert set(seen) == {(None, None)}
    assert (tables.cluster_of(b"s199.example.com"), tables.backend_of("s199")) == ("s199", "127.0.0.1:10199")
    assert same_facts(transactions.state, commit(ConfigState(), orders).state)


def test_a_small_transaction_needs_no_pause_however_long_it_takes() -> None:
    transactions = Transactions(Tables(), Breath(never, ticking))
    transactions.apply(1, [AddCluster(cluster="s0")])
    transactions.apply(2, site("blog"))
    transactions.settle()


def test_one_order_with_many_effects_lets_traffic_run() -> None:
    pauses: list[None] = []
    transactions = Transactions(Tables(), Breath(lambda: pauses.append(None), ticking))
    transactions.apply(1, [AddCluster(cluster="c"), *(AddBackend(cluster="c", address=f"127.0.0.1:{port}") for port in range(1, 200))])
    transactions.apply(2, [RemoveCluster(cluster="c")])
    transactions.settle()
    assert len(pauses) > 100


def test_the_first_state_is_built_at_once_since_nobody_is_served_yet() -> None:
    tables = Tables()
    Transactions(tables, Breath(never, still)).apply(7, [order for number in range(200) for order in site(f"s{number}")])
    assert tables.backend_of("s199") == "127.0.0.1:9001"


def test_a_large_removal_leaves_nothing() -> None:
    tables = Tables()
    pauses: list[None] = []
    transactions = Transactions(tables, Breath(lambda: pauses.append(None), ticking))
    transactions.apply(1, [order for number in range(200) for order in site(f"s{number}")])
    transactions.apply(2, [RemoveCluster(cluster=f"s{number}") for number in range(200)])
    before = len(pauses)
    transactions.settle()
    assert len(pauses) - before > 200
    assert tables.registry.rosters == {}
    assert tables.registry.find(("s7", "127.0.0.1:9001")) is None
    assert same_facts(transactions.state, ConfigState())


def test_facts_are_taken_as_they_are() -> None:
    tables = Tables()
    transactions = Transactions(tables, Breath(never, still))
    wanted = commit(ConfigState(), site("blog")).state
    transactions.collect(list(wanted.facts()))
    transactions.apply(1, ())
    assert same_facts(transactions.state, wanted)
    assert (tables.cluster_of(b"blog.example.com"), tables.backend_of("blog")) == ("blog", "127.0.0.1:9001")


def test_what_is_packed_serves_as_before() -> None:
    tables = Tables()
    transactions = Transactions(tables, Breath(never))
    transactions.apply(1, [*site("stays", 9001), *site("goes", 9002)])
    transactions.apply(2, [RemoveBackend(cluster="goes", address="127.0.0.1:9002")])
    transactions.settle()
    before, live = transactions.state, list(tables.registry)

    transactions.pack()

    assert transactions.state == before
    assert list(tables.registry) == live
    assert tables.cluster_of(b"stays.example.com") == "stays"
    assert tables.backend_of("stays") == "127.0.0.1:9001"
