"""The laws of DESIGN section 4, on random histories over a small world, where collisions are frequent."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
import operator
from typing import Any, get_args

from hypothesis import find, given, settings
from hypothesis import strategies as st
import pytest

from sozu.command.certificates.table import CertificateTable
from sozu.command.commit import Refused, commit
from sozu.command.facts import LoadBalancing, Match, Position, Protocol
from sozu.command.orders import (
    AddBackend,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AddTcpFrontend,
    AnyOrder,
    RemoveBackend,
    RemoveCluster,
    RemoveHttpFrontend,
    RemoveListener,
    RemoveTcpFrontend,
)
from sozu.command.routes import RouteTable
from sozu.command.state import ConfigState, diff, orders_of, same_facts
from sozu.command.terms import Health
from tests.command import histories as everything

ADDRESSES = ["127.0.0.1:80", "[::1]:80", "unix:/run/a.sock"]
PATHS = ["/", "/api", "/api/", "/api/v1", "/apix"]
HOSTNAMES = ["x.y", "*.y", "*.x.y", "a.x.y", "*", "/.*x.*/"]
HOSTS = [b"x.y", b"a.x.y", b"b.x.y", b"X.Y", b"x.y.", b"c.b.x.y", b"y", b"z", b"", b".x.y", b"*", b"*.x.y"]
TARGETS = [b"/", b"/api", b"/api?x=1", b"/api/", b"/api/v1", b"/api/v1/x/y/z", b"/api/v2", b"/apix", b"/a", b"*", b"", b"?/api"]

clusters = st.sampled_from(["a", "b", "c"])
addresses = st.sampled_from(ADDRESSES)
hostnames = st.sampled_from(HOSTNAMES)
listeners = st.sampled_from([None, None, None, ADDRESSES[0]])
rules: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        *({}, *({"path": path} for path in PATHS), {"path_exact": "/api"}, {"path_exact": "/api/v1"}, {"path_regex": "/api.*"}),
        *({"methods": ("GET",)}, {"headers": (Match(name="x"),)}, {"position": Position.PRE}, {"position": Position.POST}),
    ]
)


def named(hostname: str) -> dict[str, Any]:
    return {"hostname_regex": hostname[1:-1]} if hostname.startswith("/") else {"hostname": hostname}


def add_frontend(cluster: str, hostname: str, listener: str | None, rule: dict[str, Any]) -> AnyOrder:
    return AddHttpFrontend(cluster=cluster, **named(hostname), listener=listener, **rule)


def remove_frontend(cluster: str, hostname: str, listener: str | None, rule: dict[str, Any]) -> AnyOrder:
    return RemoveHttpFrontend(cluster=cluster, **named(hostname), listener=listener, **rule)


balancings = st.sampled_from([LoadBalancing.ROUND_ROBIN, LoadBalancing.RANDOM])
orders: st.SearchStrategy[AnyOrder] = st.one_of(
    st.builds(AddCluster, cluster=clusters, load_balancing=balancings),
    st.builds(AddCluster, cluster=clusters, sticky=st.sampled_from([None, "SITE"]), health=st.sampled_from([None, Health(rise=1)])),
    st.builds(RemoveCluster, cluster=clusters),
    st.builds(AddListener, protocol=st.just(Protocol.TCP), address=addresses, cluster=st.sampled_from([None, "a", "gone"])),
    st.builds(AddTcpFrontend, cluster=clusters, listener=addresses),
    st.builds(RemoveTcpFrontend, cluster=clusters, listener=addresses),
    st.builds(RemoveListener, protocol=st.just(Protocol.TCP), address=addresses),
    st.builds(add_frontend, clusters, hostnames, listeners, rules),
    st.builds(remove_frontend, clusters, hostnames, listeners, rules),
    st.builds(AddBackend, cluster=clusters, address=addresses, weight=st.integers(0, 2)),
    st.builds(RemoveBackend, cluster=clusters, address=addresses),
    st.builds(AddListener, protocol=st.just(Protocol.HTTP), address=addresses, active=st.booleans()),
    st.builds(RemoveListener, protocol=st.just(Protocol.HTTP), address=addresses),
)
# Most of what can go wrong is about routes, so every history begins with some.
histories = st.builds(
    operator.add,
    st.lists(st.builds(add_frontend, clusters, hostnames, listeners, rules), min_size=5, max_size=20),
    st.lists(orders, max_size=15),
)
START: list[AnyOrder] = [
    AddCluster(cluster="a"),
    AddCluster(cluster="b"),
    AddListener(protocol=Protocol.HTTP, address=ADDRESSES[0]),
]


def after(history: Iterable[AnyOrder], state: ConfigState | None = None) -> ConfigState:
    """The state after each of these orders that is not refused."""
    state = state if state is not None else ConfigState()
    for order in history:
        try:
            state = commit(state, [order]).state
        except Refused:
            continue
    return state


def contents(state: ConfigState) -> list[object]:
    groups = [(state.frontends_of(cluster), state.backends_of(cluster)) for cluster in "abc"]
    return [state.revision, list(state.facts()), groups]


@given(histories, histories)
def test_applying_a_diff_to_one_state_gives_the_other(one: list[AnyOrder], other: list[AnyOrder]) -> None:
    a, b = after([*START, *one]), after([*START, *other])

    assert same_facts(commit(a, diff(a, b)).state, b)


@given(histories)
def test_replaying_a_state_into_an_empty_one_gives_it_back(history: list[AnyOrder]) -> None:
    state = after([*START, *history])

    assert same_facts(commit(ConfigState(), orders_of(state)).state, state)


@given(histories)
def test_a_state_differs_in_nothing_from_itself(history: list[AnyOrder]) -> None:
    state = after([*START, *history])

    assert diff(state, state) == []


@given(histories, st.lists(orders, min_size=1, max_size=6))
def test_a_transaction_is_all_or_nothing_and_equals_its_orders_one_by_one(
    history: list[AnyOrder], transaction: list[AnyOrder]
) -> None:
    state = after([*START, *history])
    before = contents(state)
    try:
        result = commit(state, transaction)
    except Refused as refused:
        # What stands before the refused order was good, and was not done all the same.
        commit(state, transaction[: refused.index])
    else:
        assert result.revision == state.revision + 1
        assert same_facts(result.state, after(transaction, state))
    assert contents(state) == before


@given(histories, st.lists(orders, min_size=1, max_size=6))
def test_effects_lead_from_the_state_before_to_the_state_after(
    history: list[AnyOrder], transaction: list[AnyOrder]
) -> None:
    state = after([*START, *history])
    try:
        result = commit(state, transaction)
    except Refused:
        return
    facts = {(type(fact), fact.key): fact for fact in state.facts()}
    for change in result.effects:
        touched = change.after or change.before
        assert touched is not None
        key = (type(touched), touched.key)
        assert facts.pop(key, None) == change.before != change.after
        if change.after is not None:
            facts[key] = change.after
    assert facts == {(type(fact), fact.key): fact for fact in result.state.facts()}


@given(histories)
def test_what_hangs_on_a_cluster_is_what_names_it(history: list[AnyOrder]) -> None:
    state = after([*START, *history])

    for cluster in "abc":
        assert set(state.frontends_of(cluster)) == {f for f in state.frontends.values() if f.cluster == cluster}
        assert set(state.backends_of(cluster)) == {b for b in state.backends.values() if b.cluster == cluster}
    owners = {frontend.cluster for frontend in state.frontends.values()}
    assert owners | {backend.cluster for backend in state.backends.values()} <= set(state.clusters)


def inside(table: RouteTable) -> object:
    tables = table._tables
    hosts = {name: host.frontends for name, host in tables.hosts.items()}
    groups = {cluster: set(tables.cluster_hosts.members(cluster)) for cluster in "abc"}
    return hosts, tables.clusters, groups, [regex.pattern for regex, _ in tables.regexes]


@given(histories, st.lists(st.lists(orders, max_size=5), max_size=8))
def test_a_table_that_follows_effects_equals_one_that_is_built_anew(
    history: list[AnyOrder], transactions: Sequence[list[AnyOrder]]
) -> None:
    state = after([*START, *history])
    table = RouteTable.of(state)
    for transaction in transactions:
        try:
            result = commit(state, transaction)
        except Refused:
            continue
        before = inside(table)
        successor = table.after(result.effects)
        assert inside(table) == before
        state, table = result.state, successor
        anew = RouteTable.of(state)
        assert inside(table) == inside(anew)
        for host in HOSTS[:3]:
            for target in TARGETS:
                assert table.find(ADDRESSES[0], host, target) == anew.find(ADDRESSES[0], host, target)


@settings(max_examples=500)
@given(st.lists(everything.transactions, min_size=1, max_size=6))
def test_whatever_was_committed_can_be_replayed_and_gone_to_from_anywhere(history: list[list[AnyOrder]]) -> None:
    states = [ConfigState(), *everything.reached(history)]

    for state in states:
        assert same_facts(commit(ConfigState(), orders_of(state)).state, state)
    for before, after in [*pairwise(states), *pairwise(reversed(states)), (states[1], states[-1]), (states[-1], states[1])]:
        assert same_facts(commit(before, diff(before, after)).state, after)


@settings(max_examples=500)
@given(st.lists(everything.transactions, max_size=4), st.lists(everything.transactions, max_size=4))
def test_a_diff_leads_from_any_state_to_any_other(one: list[list[AnyOrder]], other: list[list[AnyOrder]]) -> None:
    a, b = everything.reached(one)[-1], everything.reached(other)[-1]

    assert same_facts(commit(a, diff(a, b)).state, b)
    assert same_facts(commit(b, diff(b, a)).state, a)


@given(st.lists(everything.transactions, max_size=8))
def test_certificates_that_follow_effects_equal_those_that_are_held_anew(history: list[list[AnyOrder]]) -> None:
    state = everything.reached([])[0]
    table = CertificateTable.of(state.certificates.values(), state.frontends.values())
    for transaction in history:
        try:
            result = commit(state, transaction)
        except Refused:
            continue
        state, table = result.state, table.after(result.effects)
        anew = CertificateTable.of(state.certificates.values(), state.frontends.values())
        assert list(table.certificates.values()) == list(anew.certificates.values())
        for address in state.listeners:
            for name in (None, "x.y", "a.x.y", "y"):
                assert table.find(address, name) == anew.find(address, name)


@pytest.mark.parametrize("kind", get_args(AnyOrder))
def test_histories_are_of_all_kinds_of_orders(kind: type[AnyOrder]) -> None:
    find(everything.orders, lambda order: type(order) is kind, settings=settings(max_examples=5000))
