"""What becomes of upstream configurations."""

from pathlib import Path
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.command.config.loading import Configuration, read_configuration
from sozu.command.conversion import NotToml, convert
from sozu.command.facts import LoadBalancing, Position, Protocol
from sozu.command.terms import ProxyProtocol

UPSTREAM = (Path(__file__).parent / "upstream.toml").read_text("utf-8")


def read(source: str, folder: Path = Path("/etc/sozu")) -> Configuration:
    return read_configuration(convert(source).text, "converted.yaml", folder)


def without_certificates(source: str) -> str:
    return source.replace(', certificate = "cert.pem", key = "key.pem", certificate_chain = "chain.pem"', "")


def test_an_upstream_configuration_becomes_one_of_ours() -> None:
    found = read(without_certificates(UPSTREAM))
    settings, state = found.settings, found.state

    assert (settings.workers, settings.max_connections, settings.timeouts.back) == (2, 500, 30)
    assert settings.access_log is not None
    assert settings.access_log.path == "/var/log/sozu-access.log"
    assert {address: (each.protocol, each.cluster) for address, each in state.listeners.items()} == {
        "0.0.0.0:8080": (Protocol.HTTP, None),
        "0.0.0.0:8443": (Protocol.HTTPS, None),
        "0.0.0.0:5432": (Protocol.TCP, "TcpTest"),
        "0.0.0.0:5433": (Protocol.TCP, "TcpTest"),
    }
    cluster = state.clusters["MyCluster"]
    assert (cluster.load_balancing, cluster.sticky) == (LoadBalancing.LEAST_LOADED, "SITE")
    assert state.clusters["TcpTest"].proxy_protocol is ProxyProtocol.V2
    assert [(each.address, each.id, each.weight, each.backup) for each in state.backends_of("MyCluster")] == [
        ("127.0.0.1:1026", "one", 50, False),
        ("127.0.0.1:1027", "127.0.0.1:1027", 100, True),
        ("127.0.0.1:1028", "127.0.0.1:1028", 100, False),
    ]


def test_frontends_keep_their_listener_path_method_and_position() -> None:
    by_path = {(each.listener, each.path, each.path_regex): each for each in read(without_certificates(UPSTREAM)).state.frontends_of("MyCluster")}

    prefix = by_path["0.0.0.0:8080", "/api", None]
    assert (prefix.methods, prefix.redirect is not None and prefix.redirect.status) == (("GET",), 301)
    assert by_path["0.0.0.0:8443", "/", None].redirect is None
    assert by_path["0.0.0.0:8080", None, "/[a-z]+"].position is Position.PRE


def test_certificates_of_frontends_become_the_listeners() -> None:
    assert '"certificates": [' not in convert(UPSTREAM).text
    assert 'certificates: [{certificate: "cert.pem", key: "key.pem", chain: "chain.pem"}]' in convert(UPSTREAM).text


@pytest.mark.parametrize(
    "place",
    [
        "saved_state",
        "colour_of_the_shed",
        "metrics.address",
        "metrics",
        "listeners[0].public_address",
        "listeners[0].expect_proxy",
        "listeners[0].answer_404",
        "listeners[0].front_timeout",
        "listeners[1].tls_versions",
        "clusters.MyCluster.load_metric",
        "clusters.MyCluster.frontends[0].tags",
        "clusters.MyCluster.frontends[0].path",
        "clusters.MyCluster.backends[0].sticky_id",
    ],
)
def test_what_has_no_equal_is_said_with_its_place(place: str) -> None:
    assert [note for note in convert(UPSTREAM).notes if note.startswith(f"{place}: ")]


def test_the_notes_stand_in_the_file_too() -> None:
    conversion = convert(UPSTREAM)
    assert all(f"#   {note}\n" in conversion.text for note in conversion.notes)


def test_what_is_no_toml_says_where() -> None:
    with pytest.raises(NotToml, match="line 1"):
        convert("a = = 1")


def test_an_empty_file_is_an_empty_configuration() -> None:
    assert convert("").text == ""



words = st.sampled_from(["alpha", "beta", "gamma", "delta"])
values = st.one_of(st.integers(0, 9), st.booleans(), words, st.lists(words, max_size=2))


@given(st.dictionaries(words, values, min_size=1), st.dictionaries(words, values, min_size=1))
def test_no_key_that_nobody_knows_is_dropped_in_silence(top: dict[str, Any], inner: dict[str, Any]) -> None:
    source = [f"{key} = {_toml(value)}" for key, value in top.items()]
    source += ["[clusters.c]", *(f"{key} = {_toml(value)}" for key, value in inner.items())]
    assert tomllib.loads("\n".join(source))
    noted = {note.partition(":")[0] for note in convert("\n".join(source)).notes}

    assert noted == {*top, *(f"clusters.c.{key}" for key in inner)}


@given(st.dictionaries(st.sampled_from(["listeners", "clusters", "metrics", "worker_count", "log_level"]), values, min_size=1))
def test_what_is_of_the_wrong_kind_is_said_and_not_a_crash(top: dict[str, Any]) -> None:
    convert("\n".join(f"{key} = {_toml(value)}" for key, value in top.items()))


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return str(value)
