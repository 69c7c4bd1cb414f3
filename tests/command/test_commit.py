import pytest

from sozu.command.certificates.terms import Tls
from sozu.command.commit import Refused, commit
from sozu.command.draft import Change
from sozu.command.facts import Backend, Cluster, Frontend, Listener, Protocol, Timeouts
from sozu.command.orders import (
    AddBackend,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AnyOrder,
    RemoveBackend,
    RemoveCluster,
    RemoveHttpFrontend,
    RemoveListener,
)
from sozu.command.state import ConfigState

LISTENER = "127.0.0.1:8080"


@pytest.fixture
def state() -> ConfigState:
    """Two clusters; blog has a frontend for all listeners, one for a listener, one exact, and a backend."""
    orders: list[AnyOrder] = [
        AddListener(protocol=Protocol.HTTP, address=LISTENER),
        AddCluster(cluster="blog"),
        AddCluster(cluster="shop"),
        AddHttpFrontend(cluster="blog", hostname="blog.example.com"),
        AddHttpFrontend(cluster="blog", hostname="blog.example.com", path="/api", listener=LISTENER),
        AddHttpFrontend(cluster="blog", hostname="blog.example.com", path_exact="/health"),
        AddBackend(cluster="blog", address="127.0.0.1:9001"),
    ]
    return commit(ConfigState(), orders).state


def test_facts_are_kept_in_normal_form_with_their_defaults() -> None:
    orders: list[AnyOrder] = [
        AddListener(protocol=Protocol.HTTP, address="[0::1]:80"),
        AddCluster(cluster="blog", timeouts=Timeouts(back=5), max_body_size=1, min_rate=0),
        AddHttpFrontend(cluster="blog", hostname="BLOG.example.com", listener="[::1]:80"),
        AddBackend(cluster="blog", address="[0::2]:9001"),
    ]
    state = commit(ConfigState(), orders).state

    assert list(state.facts()) == [
        Listener(protocol=Protocol.HTTP, address="[::1]:80"),
        Cluster(cluster="blog", timeouts=Timeouts(back=5), max_body_size=1, min_rate=0),
        Frontend(cluster="blog", hostname="blog.example.com", path="/", listener="[::1]:80"),
        Backend(cluster="blog", address="[::2]:9001", id="[::2]:9001"),
    ]


def test_every_commit_counts_also_one_that_changes_nothing(state: ConfigState) -> None:
    result = commit(state, [AddCluster(cluster="blog")])

    assert (result.revision, result.effects) == (2, ())


def test_adding_what_exists_with_other_settings_is_an_update(state: ConfigState) -> None:
    order = AddBackend(cluster="blog", address="127.0.0.1:9001", weight=5)
    (change,) = commit(state, [order]).effects

    assert isinstance(change.before, Backend)
    assert isinstance(change.after, Backend)
    assert (change.before.weight, change.after.weight) == (100, 5)


def test_a_cluster_takes_its_frontends_and_backends_along(state: ConfigState) -> None:
    result = commit(state, [RemoveCluster(cluster="blog")])

    assert list(result.state.facts()) == [state.listeners[LISTENER], state.clusters["shop"]]
    assert [type(change.before) for change in result.effects] == [Frontend, Frontend, Frontend, Backend, Cluster]
    assert all(change.after is None for change in result.effects)


def test_removals_name_one_fact_each(state: ConfigState) -> None:
    orders: list[AnyOrder] = [
        RemoveHttpFrontend(cluster="blog", hostname="blog.example.com", path="/api", listener=LISTENER),
        RemoveBackend(cluster="blog", address="127.0.0.1:9001", wait=True),
        RemoveListener(protocol=Protocol.HTTP, address=LISTENER),
    ]
    result = commit(state, orders)

    assert [change.after for change in result.effects] == [None, None, None]
    assert (result.state.listeners, result.state.backends) == ({}, {})
    assert len(result.state.frontends) == 2


def test_a_listener_may_be_switched_off_and_on(state: ConfigState) -> None:
    off = commit(state, [AddListener(protocol=Protocol.HTTP, address=LISTENER, active=False)])

    assert off.effects == (Change(state.listeners[LISTENER], off.state.listeners[LISTENER]),)
    assert off.state.listeners[LISTENER].active is False


def test_a_refusal_names_the_order_and_changes_nothing(state: ConfigState) -> None:
    orders: list[AnyOrder] = [AddCluster(cluster="new"), RemoveCluster(cluster="shpo")]
    with pytest.raises(Refused) as refused:
        commit(state, orders)

    assert (refused.value.index, refused.value.order) == (1, orders[1])
    assert "new" not in state.clusters
    assert state.revision == 1


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (AddListener(protocol=Protocol.HTTPS, address=LISTENER, cluster="blog"), "an https listener has no cluster"),
        (AddListener(protocol=Protocol.HTTP, address=LISTENER, tls=Tls()), "tls is for https listeners, and this one speaks http"),
        (AddListener(protocol=Protocol.HTTP, address=LISTENER, proxy_from=("10.0.0.1/8",)), 'the network is "10.0.0.0/8"'),
        (AddListener(protocol=Protocol.TCP, address="127.0.0.1:1", trusted=("10.0.0.1",)), "a tcp listener reads no fields"),
        (AddListener(protocol=Protocol.HTTP, address=LISTENER, cluster="blog"), "an http listener has no cluster"),
        (AddListener(protocol=Protocol.HTTP, address="8080"), "a host is missing"),
        (RemoveListener(protocol=Protocol.HTTP, address="127.0.0.1:8081"), 'did you mean "127.0.0.1:8080"?'),
        (RemoveListener(protocol=Protocol.TCP, address=LISTENER), "speaks http, not tcp"),
        (
            RemoveListener(protocol=Protocol.HTTP, address=LISTENER),
            "frontend blog.example.com/api on 127.0.0.1:8080 of cluster blog is for this listener only",
        ),
        (AddCluster(cluster=""), "1 to 128 visible characters"),
        (AddCluster(cluster="a b"), "no spaces"),
        (AddCluster(cluster="a\n"), "visible characters"),
        (AddCluster(cluster="a" * 129), "1 to 128"),
        (AddCluster(cluster="a", hash_on="color"), "'color': a hash key is \"source\", \"header:NAME\" or \"cookie:NAME\""),
        (AddCluster(cluster="a", hash_on="header:Host"), "the host is what `hostname` is for"),
        (AddCluster(cluster="a", hash_on="cookie:a;b"), '"a;b" is not the name of a cookie'),
        (AddCluster(cluster="a", timeouts=Timeouts(back=0)), "timeouts.back: more than 0"),
        (AddCluster(cluster="a", timeouts=Timeouts(connect=1e9)), "at most 86400 seconds"),
        (AddCluster(cluster="a", max_body_size=0), "max_body_size: 1 to "),
        (AddCluster(cluster="a", max_body_size=1 << 61), "max_body_size: 1 to "),
        (AddCluster(cluster="a", min_rate=-1), "min_rate: 0 to 1000000000 bytes a second"),
        (RemoveCluster(cluster="blgo"), 'there is no cluster "blgo"; did you mean "blog"?'),
        (AddHttpFrontend(cluster="none", hostname="a.b"), 'there is no cluster "none"'),
        (AddHttpFrontend(cluster="blog", hostname="a b"), "letters, digits"),
        (AddHttpFrontend(cluster="blog", hostname="a.b", path="x"), 'begins with "/"'),
        (AddHttpFrontend(cluster="blog", hostname="a.b", path_exact="x"), 'begins with "/"'),
        (AddHttpFrontend(cluster="blog", hostname="a.b", path="/", path_exact="/"), "path or path_exact, not both"),
        (AddHttpFrontend(cluster="blog", hostname="a.b", path_regex="/("), '"/(" is not an expression'),
        (AddHttpFrontend(cluster="blog", hostname="a.b", certificate="ff"), '"ff" is not a fingerprint'),
        (AddHttpFrontend(cluster="blog", hostname="a.b", certificate="ff" * 32), "there is no certificate ffff"),
        (AddHttpFrontend(cluster="blog", hostname="a.b", listener="x:1"), "is not an IPv4 address"),
        (AddHttpFrontend(cluster="blog", hostname="a.b", listener="127.0.0.1:1"), "there is no listener at 127.0.0.1:1"),
        (
            AddHttpFrontend(cluster="shop", hostname="blog.example.com", path="/"),
            'blog.example.com/ already leads to cluster "blog"',
        ),
        (
            RemoveHttpFrontend(cluster="blog", hostname="blog.example.com", path="/health"),
            'has no frontend blog.example.com/health; did you mean "blog.example.com/health (exactly)"?',
        ),
        (
            RemoveHttpFrontend(cluster="blog", hostname="blog.example.com", path_exact="/apj"),
            'has no frontend blog.example.com/apj (exactly); did you mean "blog.example.com/api on 127.0.0.1:8080"?',
        ),
        (RemoveHttpFrontend(cluster="shop", hostname="a.b"), 'cluster "shop" has no frontend a.b/'),
        (RemoveHttpFrontend(cluster="shop", hostname="blog.example.com"), 'leads to cluster "blog"'),
        (AddBackend(cluster="none", address="127.0.0.1:9001"), 'there is no cluster "none"'),
        (AddBackend(cluster="blog", address="127.0.0.1:0"), "a port other than 0"),
        (AddBackend(cluster="blog", address="localhost:80"), "may mean two addresses"),
        (AddBackend(cluster="blog", address=LISTENER, weight=-1), "weight -1"),
        (AddBackend(cluster="blog", address=LISTENER, weight=257), "from 0 (gets nothing new) to 256"),
        (AddBackend(cluster="blog", address=LISTENER, id="x" * 129), "a backend's id has 1 to 128 visible characters"),
        (AddHttpFrontend(cluster="blog", hostname="a.b", path="/" * 8193), "a path has at most 8192 characters, this one 8193"),
        (RemoveBackend(cluster="blog", address="127.0.0.1:9002"), 'no backend 127.0.0.1:9002; did you mean "127.0.0.1:9001"?'),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(state: ConfigState, order: AnyOrder, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        commit(state, [order])

    assert reason in refused.value.reason


@pytest.mark.parametrize("weight", [0, 256])
def test_a_weight_may_be_at_either_end(state: ConfigState, weight: int) -> None:
    order = AddBackend(cluster="blog", address="127.0.0.1:9002", weight=weight)

    assert commit(state, [order]).state.backends["blog", "127.0.0.1:9002"].weight == weight


def test_a_unix_socket_is_a_backend_whatever_its_name_ends_in(state: ConfigState) -> None:
    order = AddBackend(cluster="blog", address="unix:/run/app:0")

    assert ("blog", "unix:/run/app:0") in commit(state, [order]).state.backends
