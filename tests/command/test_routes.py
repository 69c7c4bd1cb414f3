from time import perf_counter

import pytest

from sozu.command import routes
from sozu.command.commit import commit
from sozu.command.facts import LoadBalancing, Protocol
from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, AddListener, AnyOrder, RemoveCluster
from sozu.command.routes import RouteTable
from sozu.command.state import ConfigState
from sozu.parsers.regex import Regex, compile_regex

HERE, THERE = "127.0.0.1:8080", "127.0.0.1:8081"
WORLD: list[AnyOrder] = [
    AddListener(protocol=Protocol.HTTP, address=HERE),
    AddListener(protocol=Protocol.HTTP, address=THERE),
    *(AddCluster(cluster=name) for name in ("root", "api", "v1", "below", "exact", "star", "all", "here", "apionly")),
    AddHttpFrontend(cluster="root", hostname="a.example.com"),
    AddHttpFrontend(cluster="api", hostname="a.example.com", path="/api"),
    AddHttpFrontend(cluster="v1", hostname="a.example.com", path="/api/v1"),
    AddHttpFrontend(cluster="below", hostname="a.example.com", path="/files/"),
    AddHttpFrontend(cluster="exact", hostname="a.example.com", path_exact="/api/v1"),
    AddHttpFrontend(cluster="here", hostname="a.example.com", path="/here", listener=HERE),
    AddHttpFrontend(cluster="here", hostname="a.example.com", path="/api", listener=HERE),
    AddHttpFrontend(cluster="apionly", hostname="b.example.com", path="/api"),
    AddHttpFrontend(cluster="root", hostname="two.example.com"),
    AddHttpFrontend(cluster="api", hostname="two.example.com", path="/api"),
    AddHttpFrontend(cluster="star", hostname="*.example.com"),
    AddHttpFrontend(cluster="all", hostname="*", path="/"),
]


@pytest.fixture(scope="module")
def table() -> RouteTable:
    return RouteTable.of(commit(ConfigState(), WORLD).state)


@pytest.mark.parametrize(
    ("host", "path", "cluster"),
    [
        (b"a.example.com", b"/", "root"),
        (b"a.example.com", b"/other", "root"),
        (b"a.example.com", b"/api", "api"),
        (b"a.example.com", b"/api/x", "api"),
        (b"a.example.com", b"/api?x=/api/v1", "api"),
        (b"a.example.com", b"/apix", "root"),
        (b"a.example.com", b"/api/v1", "exact"),
        (b"a.example.com", b"/api/v1?q", "exact"),
        (b"a.example.com", b"/api/v1/", "v1"),
        (b"a.example.com", b"/api/v1x", "api"),
        (b"a.example.com", b"/files", "root"),
        (b"a.example.com", b"/files/", "below"),
        (b"a.example.com", b"/files/x/y", "below"),
        (b"a.example.com", b"/here", "root"),
        (b"a.example.com", b"*", "root"),
        (b"a.example.com", b"", "root"),
        (b"A.Example.COM", b"/api", "api"),
        (b"a.example.com.", b"/api", "api"),
        (b"c.example.com", b"/", "star"),
        (b"d.c.example.com", b"/", "all"),
        (b"example.com", b"/", "all"),
        (b"b.example.com", b"/api", "apionly"),
        (b"b.example.com", b"/", "star"),
        (b"two.example.com", b"/x", "root"),
        (b"two.example.com", b"/api/x", "api"),
        (b"localhost", b"/", "all"),
        (b"", b"/", "all"),
    ],
)
def test_a_request_takes_the_most_specific_route(table: RouteTable, host: bytes, path: bytes, cluster: str) -> None:
    route = table.find(THERE, host, path)

    assert route is not None
    assert (route.frontend.cluster, route.cluster.cluster) == (cluster, cluster)


@pytest.mark.parametrize(("path", "cluster"), [(b"/here", "here"), (b"/api", "here"), (b"/api/v1", "exact"), (b"/", "root")])
def test_a_frontend_of_the_listener_goes_before_one_for_all(table: RouteTable, path: bytes, cluster: str) -> None:
    route = table.find(HERE, b"a.example.com", path)

    assert route is not None
    assert route.cluster.cluster == cluster


def test_no_route_is_none() -> None:
    state = commit(ConfigState(), [*WORLD, RemoveCluster(cluster="all")]).state
    table = RouteTable.of(state)

    assert table.find(HERE, b"example.org", b"/") is None
    assert RouteTable().find(HERE, b"example.org", b"/") is None


def test_new_settings_of_a_cluster_reach_its_routes() -> None:
    state = commit(ConfigState(), WORLD).state
    result = commit(state, [AddCluster(cluster="root", load_balancing=LoadBalancing.RANDOM)])
    route = RouteTable.of(state).after(result.effects).find(HERE, b"a.example.com", b"/")

    assert route is not None
    assert route.cluster.load_balancing is LoadBalancing.RANDOM


def test_a_table_does_not_change_for_backends(table: RouteTable) -> None:
    state = commit(ConfigState(), WORLD).state
    result = commit(state, [AddBackend(cluster="root", address="127.0.0.1:9001")])

    assert table.after(result.effects) is table


def test_one_change_among_ten_thousand_clusters_takes_well_below_a_millisecond() -> None:
    orders: list[AnyOrder] = []
    for number in range(10_000):
        orders += [
            AddCluster(cluster=f"c{number}"),
            AddHttpFrontend(cluster=f"c{number}", hostname=f"h{number}.example.com"),
            AddBackend(cluster=f"c{number}", address=f"10.0.{number >> 8}.{number & 255}:80"),
        ]
    state = commit(ConfigState(), orders).state
    table = RouteTable.of(state)
    times = []
    for number in range(20):
        start = perf_counter()
        table.after(commit(state, [AddHttpFrontend(cluster=f"c{number}", hostname="new.example.com")]).effects)
        times.append(perf_counter() - start)

    # About 0.2 ms; the bound is wide because other tests may run beside this one.
    assert min(times) < 0.001


def test_a_path_of_many_slashes_costs_no_more_than_the_longest_prefix(table: RouteTable) -> None:
    route = table.find(THERE, b"a.example.com", b"/" * 16_000)

    assert route is not None
    assert route.cluster.cluster == "root"


def test_a_hostname_without_frontends_is_forgotten() -> None:
    state = commit(ConfigState(), WORLD).state
    result = commit(state, [RemoveCluster(cluster="all"), AddBackend(cluster="root", address="127.0.0.1:9001")])
    table = RouteTable.of(state).after(result.effects)

    assert table.find(HERE, b"example.org", b"/") is None
    assert b"*" not in table._tables.hosts


def test_an_expression_for_hosts_is_compiled_once_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    frontends = [AddHttpFrontend(cluster="root", hostname_regex=f"{name}+") for name in "abc"]
    state = commit(ConfigState(), [AddCluster(cluster="root"), *frontends]).state
    table = RouteTable.of(state)
    compiled: list[str] = []

    def compile_(pattern: str, *, fold: bool) -> Regex:
        compiled.append(pattern)
        return compile_regex(pattern, fold=fold)

    monkeypatch.setattr(routes, "compile_regex", compile_)
    table = table.after(commit(state, [AddHttpFrontend(cluster="root", hostname_regex="d+")]).effects)

    assert compiled == ["d+"]
    assert all(table.find(HERE, host, b"/") for host in (b"aa", b"bbb", b"c", b"dd"))


@pytest.mark.parametrize("count", [1, 7, 8, 9, 40])
def test_the_longest_of_many_prefixes_goes_first(count: int) -> None:
    orders: list[AnyOrder] = [AddCluster(cluster="root"), AddHttpFrontend(cluster="root", hostname="x.y")]
    for number in range(count):
        prefix = "/" + "/".join("a" * (number + 1))
        orders += [AddCluster(cluster=prefix), AddHttpFrontend(cluster=prefix, hostname="x.y", path=prefix)]
    table = RouteTable.of(commit(ConfigState(), orders).state)

    for number in range(count):
        prefix = "/" + "/".join("a" * (number + 1))
        for ending in ("", "/", "/b", "?/a/a"):
            route = table.find(HERE, b"x.y", f"{prefix}{ending}".encode())
            assert route is not None
            assert route.cluster.cluster == prefix
    for path in (b"/", b"/aa", b"/b/a"):
        route = table.find(HERE, b"x.y", path)
        assert route is not None
        assert route.cluster.cluster == "root"


def test_a_table_made_in_slices_is_the_table_of_the_whole_and_leaves_the_one_before_alone() -> None:
    before = RouteTable.of(commit(ConfigState(), WORLD[:16]).state)
    effects = commit(commit(ConfigState(), WORLD[:16]).state, WORLD[16:]).effects
    draft = before.draft()
    for effect in effects:
        draft.after([effect])
    table = draft.table()

    assert before.find(HERE, b"c.example.com", b"/") is None
    for host in (b"a.example.com", b"c.example.com", b"localhost"):
        assert table.find(HERE, host, b"/api") == RouteTable.of(commit(ConfigState(), WORLD).state).find(HERE, host, b"/api")


def test_a_draft_without_changes_gives_the_table_back(table: RouteTable) -> None:
    assert table.draft().table() is table


def test_clients_may_ask_for_as_many_hosts_as_they_like(table: RouteTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sozu.command.routes._MOST_KNOWN", 2)
    for number in range(5):
        assert table.find(HERE, b"h%d.example.org" % number, b"/") is not None

    assert len(table._known[HERE]) <= 2
