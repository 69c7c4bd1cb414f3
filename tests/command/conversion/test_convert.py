"""What becomes of upstream configurations."""

from pathlib import Path
import re
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.command.config.loading import Configuration, read_configuration
from sozu.command.conversion import NotToml, convert
from sozu.command.edits.facts import HeaderEdit, Redirect
from sozu.command.facts import Frontend, LoadBalancing, Position, Protocol, Timeouts
from sozu.command.terms import ProxyProtocol

PAGE = (Path(__file__).parents[3] / "docs" / "conversion.md").read_text("utf-8")
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


def test_figures_go_to_the_same_server_if_it_has_an_address() -> None:
    assert read(without_certificates(UPSTREAM)).settings.metrics.statsd == "127.0.0.1:8125"
    assert read('[metrics]\naddress = "statsd.example:8125"\n').settings.metrics.statsd is None


def test_certificates_of_frontends_become_the_listeners() -> None:
    assert '"certificates": [' not in convert(UPSTREAM).text
    assert 'certificates: [{certificate: "cert.pem", key: "key.pem", chain: "chain.pem"}]' in convert(UPSTREAM).text


@pytest.mark.parametrize(
    "place",
    [
        "saved_state",
        "colour_of_the_shed",
        "metrics.address",
        "metrics.tagged_metrics",
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


def test_two_names_that_become_one_are_two_clusters_all_the_same() -> None:
    backend = "backends = [{{address = '127.0.0.1:{}'}}]"
    source = "\n".join(
        f"[{key}]\n{backend.format(port)}"
        for port, key in enumerate(("clusters.'a b'", "clusters.'a-b'", "applications.a-b", f"clusters.{'x' * 200}y", f"clusters.{'x' * 200}z"), 1)
    )
    found = convert(source)
    state = read(source).state
    assert {address: cluster for cluster, address in state.backends} == {
        "127.0.0.1:1": "a-b", "127.0.0.1:2": "a-b-2", "127.0.0.1:3": "a-b-3", "127.0.0.1:4": "x" * 128, "127.0.0.1:5": "x" * 126 + "-2",
    }
    assert "clusters.a-b: there is another cluster of that name; this one is a-b-2" in found.notes


def test_an_empty_file_is_an_empty_configuration() -> None:
    assert convert("").text == "{}\n"
    assert list(read("").state.facts()) == []


@pytest.mark.parametrize(("upstream", "ours"), re.findall(r"^```toml\n(.*?)^```\n```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
def test_a_file_of_the_page_becomes_what_the_page_says_and_is_taken_in(upstream: str, ours: str) -> None:
    assert convert(upstream).text == ours
    assert read_configuration(ours, "sozu.yaml", Path("/etc/sozu")).state.clusters


def converted(frontend: str = "", *, cluster: str = "", top: str = "", protocol: str = "https") -> tuple[Configuration, list[str]]:
    """What becomes of a file with this in its one frontend, its cluster, or before all else; and the notes."""
    text = f"""{top}
[[listeners]]
protocol = "{protocol}"
address = "127.0.0.1:8443"
[clusters.c]
{cluster}
[[clusters.c.frontends]]
address = "127.0.0.1:8443"
hostname = "a.example"
{frontend}
"""
    return read(text), list(convert(text).notes)


def frontend_from(text: str, **around: Any) -> tuple[Frontend | None, str]:
    found, notes = converted(text, **around)
    return next(iter(found.state.frontends_of("c")), None), "\n".join(notes)


@pytest.mark.parametrize(
    ("said", "to", "status"),
    [
        ('redirect = "permanent"', "{scheme}://{host}{path}{query}", 301),
        ('redirect = "found"\nredirect_scheme = "use-https"', "https://{host}{path}{query}", 302),
        ('redirect = "permanent_redirect"\nrewrite_host = "b.example"\nrewrite_port = 81', "{scheme}://b.example:81{path}{query}", 308),
        ('redirect = "permanent"\nrewrite_path = "/new$PATH[0]"', "{scheme}://{host}/new{path}{query}", 301),
        ('redirect = "permanent"\nrewrite_path = "/{x}"', "{scheme}://{host}/{{x}}{query}", 301),
    ],
)
def test_a_redirect_becomes_a_template(said: str, to: str, status: int) -> None:
    frontend, _ = frontend_from(said)
    assert frontend is not None
    assert frontend.redirect == Redirect(to=to, status=status)


def test_a_redirect_to_https_has_the_port_of_its_cluster() -> None:
    frontend, notes = frontend_from("", cluster="https_redirect = true\nhttps_redirect_port = 8443", protocol="http")
    assert (frontend is not None and frontend.redirect is not None and frontend.redirect.to, notes) == ("https://{host}:8443{path}{query}", "")


def test_nobody_passes_where_a_password_was_asked_for() -> None:
    frontend, notes = frontend_from("required_auth = true", cluster='authorized_hashes = ["ali:00"]\nwww_authenticate = "staff"')
    assert frontend is not None
    assert (frontend.deny, "sozu password" in notes, "www_authenticate: " in notes) == (401, True, True)


def test_what_the_door_refuses_is_left_out_with_its_reason() -> None:
    frontend, notes = frontend_from('headers = [{ position = "request", key = "X-Forwarded-Proto", value = "https" }, { position = "both", key = "x-a", value = "1" }]')
    assert frontend is not None
    assert (frontend.request_headers, frontend.response_headers) == ((HeaderEdit(set="x-a", value="1"),), (HeaderEdit(set="x-a", value="1"),))
    assert 'headers[0].key: the field "X-Forwarded-Proto" is the proxy\'s own business' in notes


def test_a_frontend_whose_rule_is_refused_takes_nothing_rather_than_all() -> None:
    frontend, notes = frontend_from('path = "(?!/x).*"\npath_type = "REGEX"')
    assert frontend is None
    assert "clusters.c.frontends[0]: path_regex: " in notes


@pytest.mark.parametrize(("host", "pattern"), [("/a+/.b.example", r"(?:a+)\.b\.example"), ("*./x|y/.example", r"[^.]+\.(?:x|y)\.example")])
def test_expressions_in_hostnames_become_one(host: str, pattern: str) -> None:
    found = read(f'[clusters.c]\nfrontends = [{{ address = "127.0.0.1:80", hostname = "{host}" }}]')
    assert [each.hostname_regex for each in found.state.frontends_of("c")] == [pattern]


def test_a_frontend_may_do_without_the_hsts_of_its_listener() -> None:
    with_hsts = '[[listeners]]\nprotocol = "https"\naddress = "127.0.0.1:8443"\n[listeners.hsts]\nenabled = true\nmax_age = 60\n'
    frontends = '[[clusters.c.frontends]]\naddress = "127.0.0.1:8443"\nhostname = "{}.example"\n{}\n'
    found = read(with_hsts + frontends.format("a", "") + frontends.format("b", "hsts = { enabled = false }") + frontends.format("d", "hsts = { enabled = true, max_age = 9 }"))
    assert {each.hostname: each.hsts and each.hsts.max_age for each in found.state.frontends_of("c")} == {"a.example": 60, "b.example": None, "d.example": 9}


def test_a_http_cluster_sends_no_proxy_header_as_upstream_does_not() -> None:
    found, notes = converted(cluster="send_proxy = true")
    assert found.state.clusters["c"].proxy_protocol is None
    assert any(note.startswith("clusters.c.send_proxy: ") for note in notes)


def test_clients_are_bounded_by_their_cluster_or_else_by_the_file() -> None:
    assert converted(top="max_connections_per_ip = 9")[0].state.clusters["c"].max_per_client == 9
    assert converted(top="max_connections_per_ip = 9", cluster="max_connections_per_ip = 5")[0].state.clusters["c"].max_per_client == 5
    assert converted(top="max_connections_per_ip = 9", cluster="max_connections_per_ip = 0")[0].state.clusters["c"].max_per_client is None


@pytest.mark.parametrize("name", ["HRW", "MAGLEV", "RANDOM", "POWER_OF_TWO"])
def test_every_balancing_of_theirs_is_one_of_ours(name: str) -> None:
    assert converted(cluster=f'load_balancing = "{name}"')[0].state.clusters["c"].load_balancing == name.lower()


def test_what_is_for_datagrams_is_left_out() -> None:
    conversion = convert('[[listeners]]\nprotocol = "udp"\naddress = "127.0.0.1:53"\n[clusters.dns]\nprotocol = "tcp"\nfrontends = [{ address = "127.0.0.1:53" }]\nudp = { responses = 1 }')
    assert "listeners:" not in conversion.text
    assert {note.partition(": ")[0] for note in conversion.notes} == {"listeners[0].protocol", "clusters.dns.frontends[0]", "clusters.dns.udp"}


def test_a_cluster_may_have_a_dot_in_its_name_and_loses_its_blanks() -> None:
    found = read('[clusters."my.db 1"]\nprotocol = "tcp"\nfrontends = [{ address = "127.0.0.1:5432" }]\nbackends = [{ address = "127.0.0.1:1", backend_id = "a b" }]')
    assert [each.cluster for each in found.state.listeners.values()] == list(found.state.clusters) == ["my.db-1"]
    assert [each.id for each in found.state.backends_of("my.db-1")] == ["127.0.0.1:1"]


@pytest.mark.parametrize(
    ("source", "note"),
    [
        ("worker_count = 5000", "workers: "),
        ('command_socket = ""', "command_socket: "),
        ('[[listeners]]\naddress = "127.0.0.1:1"\n[[listeners]]\naddress = "127.0.0.1:1"', "listeners[1].address: "),
        ('[clusters.c]\nhealth_check = { uri = "x" }', "clusters.c: health: "),
        ('[clusters.c]\nbackends = [{ address = "127.0.0.1:1", weight = 999 }]', "clusters.c.backends[0]: weight: "),
        ('[clusters.c]\nbackends = [{ address = "127.0.0.1:1" }, { address = "127.0.0.1:1" }]', "clusters.c.backends[1]: the file has this already"),
        ('[clusters.c]\nfrontends = [{ address = "127.0.0.1:1", hostname = "a" }, { address = "127.0.0.1:1", hostname = "A" }]', "clusters.c.frontends[1]: "),
        ('[clusters.c]\nfrontends = [{ address = "127.0.0.1:1" }]', "clusters.c.frontends[0]: has no hostname"),
    ],
)
def test_nothing_comes_out_that_would_not_be_taken_in(source: str, note: str) -> None:
    assert any(each.startswith(note) for each in convert(source).notes), convert(source).notes
    read(source)


@pytest.mark.parametrize("value", ["0", "-1", "999999", "nan", "inf"])
def test_a_timeout_that_can_be_none_costs_no_other_and_is_noted(value: str) -> None:
    source = f"front_timeout = {value}\nback_timeout = 7\n"

    assert read(source).settings.timeouts == Timeouts(back=7)
    assert [note.partition(":")[0] for note in convert(source).notes] == ["front_timeout"]


KNOWN = {
    "": ['front_timeout = "x"', "back_timeout = 999999", "max_connections = -1", 'pid_file_path = "./p"', "max_connections_per_ip = 3", 'log_level = "x"', 'access_logs_target = "file://"'],
    "[[listeners]]": ['address = "127.0.0.1:1"', 'protocol = "https"', 'protocol = "tcp"', "expect_proxy = true", 'cipher_list = ["X"]', 'groups_list = ["x25519"]', "back_timeout = 0", 'answers = { 404 = "x" }', "hsts = { enabled = true, max_age = -1 }"],
    "[clusters.c]": ['protocol = "tcp"', 'load_balancing = "MAGLEV"', "sticky_session = true", "https_redirect = true", "https_redirect_port = 1", "send_proxy = true", "health_check = { interval = -1 }", 'answers = { 503 = "x" }'],
    "[[clusters.c.frontends]]": ['address = "127.0.0.1:1"', 'hostname = "a.example"', 'hostname = "/(/.x"', 'path = "/x"', 'path = "(?=x)"', 'path_type = "REGEX"', 'redirect = "found"', 'rewrite_host = "$HOST[1]"', 'rewrite_path = "x y"', "required_auth = true", 'method = "get"', 'headers = [{ position = "both", key = "Host" }]', "hsts = { enabled = true, preload = true }"],
    "[[clusters.c.backends]]": ['address = "127.0.0.1:2"', 'address = "x"', "weight = 300", 'backend_id = "a b"', "backup = true"],
}  # fmt: skip


@given(st.fixed_dictionaries({table: st.lists(st.sampled_from(lines), unique_by=lambda line: line.partition(" ")[0]) for table, lines in KNOWN.items()}))
def test_whatever_upstream_says_comes_out_as_a_configuration(said: dict[str, list[str]]) -> None:
    read("\n".join(line for table in KNOWN for line in (table, *said[table])))


def test_listeners_that_wait_are_not_active() -> None:
    found = read('activate_listeners = false\npid_file_path = "/run/sozu.pid"\nhandle_process_affinity = true\n[[listeners]]\naddress = "127.0.0.1:80"')
    assert [each.active for each in found.state.listeners.values()] == [False]
    assert (found.settings.pidfile, found.settings.affinity) == ("/run/sozu.pid", True)


def test_pages_lose_what_they_cannot_say_and_tell_so() -> None:
    page = r'"HTTP/1.1 404 Not Found\nX-Page: 7\nContent-Length: 1\n\nno {route} %ROUTE%BACKEND_ID"'
    found, notes = converted(cluster=f'answers = {{ 404 = {page}, 507 = "x", 503 = "file:///x.http" }}')
    assert [(each.status, each.body) for each in found.state.clusters["c"].answers] == [(404, "no {{route}} {host}{path}")]
    assert [note.partition(": ")[0] for note in notes] == ["clusters.c.answers.404", "clusters.c.answers.404", "clusters.c.answers.507", "clusters.c.answers.503"]



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


@pytest.mark.parametrize("name", ['"a\\nworkers: 9 #"', '"a\\u0085workers: 9 #"', '"a\\u2028b"', '"a\\u009fb\\uFEFF\\uFFFE"'])
def test_a_note_is_a_comment_of_one_line_whatever_it_repeats(name: str) -> None:
    conversion = convert(f"{name} = 3\n[clusters.{name}]\nsticky_name = {name}\n")
    found = read_configuration(conversion.text, "f.yaml", Path("/"))

    assert found.said == {"clusters"}
    assert all(len(note.splitlines()) == 1 for note in conversion.notes)


@given(st.text(), st.text())
def test_names_and_texts_of_any_characters_come_out_as_a_configuration(name: str, text: str) -> None:
    key, value = (f'"{"".join(f"{chr(92)}U{ord(each):08X}" for each in said)}"' for said in (name, text))
    found = read(f"{key} = {value}\n[clusters.{key}]\n[[clusters.{key}.frontends]]\naddress = \"127.0.0.1:80\"\nhostname = {value}\nanswers = {{ 404 = {value} }}\n")

    assert not found.settings.answers
