import click
import pytest

from sozu.cli.without_file import state_of


def test_without_routes_there_is_one_listener_and_nothing_else() -> None:
    state = state_of("127.0.0.1:8080", [])

    assert [listener.address for listener in state.listeners.values()] == ["127.0.0.1:8080"]
    assert not state.clusters
    assert state.revision == 0


def test_a_bare_address_takes_every_host() -> None:
    state = state_of("127.0.0.1:0", ["127.0.0.1:9001", "127.0.0.1:9002"])

    assert [(front.hostname, front.cluster) for front in state.frontends.values()] == [("*", "all")]
    assert [backend.address for backend in state.backends.values()] == ["127.0.0.1:9001", "127.0.0.1:9002"]


def test_a_host_may_have_backends_of_its_own() -> None:
    state = state_of("127.0.0.1:0", ["blog.example.com=127.0.0.1:9001", "[::1]:9002", "blog.example.com=127.0.0.1:9003"])

    assert {front.hostname: front.cluster for front in state.frontends.values()} == {
        "blog.example.com": "blog.example.com",
        "*": "all",
    }
    assert [backend.address for backend in state.backends_of("blog.example.com")] == ["127.0.0.1:9001", "127.0.0.1:9003"]
    assert [backend.address for backend in state.backends_of("all")] == ["[::1]:9002"]


@pytest.mark.parametrize("name", ["all", "ALL", "all."])
def test_a_host_may_be_called_as_the_cluster_of_every_host_is(name: str) -> None:
    state = state_of("127.0.0.1:0", [f"{name}=127.0.0.1:9001", "127.0.0.1:9002"])
    clusters = {front.hostname: front.cluster for front in state.frontends.values()}

    assert [backend.address for backend in state.backends_of(clusters["all"])] == ["127.0.0.1:9001"]
    assert [backend.address for backend in state.backends_of(clusters["*"])] == ["127.0.0.1:9002"]


@pytest.mark.parametrize(("listen", "routes"), [("nowhere", []), ("127.0.0.1:0", ["x=nowhere"]), ("127.0.0.1:0", ["a b=127.0.0.1:1"])])
def test_what_the_proxy_would_refuse_starts_nothing(listen: str, routes: list[str]) -> None:
    with pytest.raises(click.UsageError, match="Nothing was started"):
        state_of(listen, routes)
