"""Backends at one address share their idle connections, whatever their clusters are; the pool's part of it is in test_pool.py."""

from sozu.command.certificates.terms import BackendTls
from sozu.command.commit import commit
from sozu.command.orders import AddBackend, AddCluster, AnyOrder, RemoveBackend, RemoveCluster
from sozu.command.state import ConfigState
from sozu.command.terms import ProxyProtocol
from sozu.proxy.registry import LiveBackend, Registry
from sozu.proxy.tls.backends import SecureBackends
from tests.proxy.lab import Lab, opened

A, B, NAMED = "127.0.0.1:9001", "127.0.0.1:9002", "app.example.com:80"


class Pooled:
    closed = False

    def close(self) -> None:
        self.closed = True


class World:
    def __init__(self, *orders: AnyOrder) -> None:
        self.state = ConfigState()
        self.registry = Registry()
        self.order(*orders)

    def order(self, *orders: AnyOrder) -> None:
        done = commit(self.state, orders)
        self.state = done.state
        draft = self.registry.draft()
        draft.after(done.effects)
        self.registry.publish(draft)

    def live(self, cluster: str, address: str = A) -> LiveBackend:
        live = self.registry.find((cluster, address))
        assert live is not None
        return live

    def pooled(self, cluster: str, address: str = A) -> Pooled:
        pooled = Pooled()
        self.live(cluster, address).idle.append(pooled)
        return pooled


def cluster(name: str, address: str = A) -> list[AnyOrder]:
    return [AddCluster(cluster=name), AddBackend(cluster=name, address=address)]


def test_clusters_with_a_backend_at_one_address_share_its_connections() -> None:
    world = World(*cluster("one"), *cluster("two"), *cluster("other", B))
    assert world.live("one").idle is world.live("two").idle
    assert world.live("one").idle is not world.live("other", B).idle


def test_who_comes_later_finds_what_is_there() -> None:
    world = World(*cluster("one"))
    pooled = world.pooled("one")
    world.order(*cluster("two"))
    assert world.live("two").idle == [pooled]


def test_the_last_who_leaves_closes_what_is_there() -> None:
    world = World(*cluster("one"), *cluster("two"))
    pooled = world.pooled("one")
    world.order(RemoveBackend(cluster="one", address=A))
    assert not pooled.closed
    world.order(RemoveCluster(cluster="two"))
    assert pooled.closed


def test_who_leaves_while_he_is_in_use_and_comes_back_shares_again() -> None:
    world = World(*cluster("one"), *cluster("two"))
    world.live("one").exchanges += 1
    world.order(RemoveBackend(cluster="one", address=A))
    assert world.live("one").idle is not world.live("two").idle
    world.order(AddBackend(cluster="one", address=A))
    assert world.live("one").idle is world.live("two").idle


def test_a_change_that_is_none_of_the_connections_business_leaves_them() -> None:
    world = World(*cluster("one"))
    pooled = world.pooled("one")
    world.order(AddCluster(cluster="one", sticky="SITE"), AddBackend(cluster="one", address=A, weight=7))
    assert world.live("one").idle == [pooled]


def test_who_is_told_of_the_client_or_spoken_to_in_secret_shares_with_nobody() -> None:
    world = World(*cluster("one"), *cluster("two"), *cluster("three"))
    pooled = world.pooled("one")
    world.order(AddCluster(cluster="two", proxy_protocol=ProxyProtocol.V2), AddCluster(cluster="three", tls=BackendTls()))
    assert world.live("one").idle == [pooled]
    assert world.live("two").idle == world.live("three").idle == []
    assert world.live("two").idle is not world.live("three").idle


def test_who_is_spoken_to_plainly_again_brings_no_connection_of_the_other_kind_along() -> None:
    world = World(AddCluster(cluster="one", tls=BackendTls()), AddBackend(cluster="one", address=A), *cluster("two"))
    secret, plain = world.pooled("one"), world.pooled("two")
    world.order(AddCluster(cluster="one"))
    assert secret.closed
    assert world.live("one").idle == [plain]


def test_who_is_spoken_to_plainly_again_takes_nothing_from_the_others() -> None:
    world = World(*cluster("one"), AddCluster(cluster="two", tls=BackendTls()), AddBackend(cluster="two", address=A))
    kept, own = world.pooled("one"), world.pooled("two")
    done = commit(world.state, [AddCluster(cluster="two")])
    world.order(AddCluster(cluster="two"))
    with opened(Lab()) as lab:
        SecureBackends(lab.traffic.pool, world.registry, lab.traffic.hub, None, dict).follow(done.effects)
    assert own.closed
    assert not kept.closed
    assert world.live("two").idle is world.live("one").idle
    assert world.live("one").idle == [kept]


def test_who_ends_after_his_cluster_shares_again_takes_nothing_from_the_others() -> None:
    world = World(*cluster("one"), AddCluster(cluster="two", proxy_protocol=ProxyProtocol.V1), AddBackend(cluster="two", address=A))
    world.order(AddCluster(cluster="two"))
    kept = world.pooled("one")
    world.live("two").forget_idle()  # as a lease does at its end
    assert world.live("two").idle == [kept]
    assert not kept.closed


def test_a_name_means_what_dns_says_at_the_time() -> None:
    world = World(*cluster("one", NAMED), *cluster("two", NAMED))
    assert world.live("one", NAMED).idle is not world.live("two", NAMED).idle
