from pathlib import Path
import textwrap
from typing import Any

import pytest
import yaml

from sozu.command.certificates.terms import BackendTls
from sozu.command.config import Configuration, load_configuration, settings_without_file, yaml_source
from sozu.command.config.diagnostics import ConfigurationError, Span
from sozu.command.config.loading import read_configuration
from sozu.command.config.yaml_source import plain_scalar, read_yaml
from sozu.command.facts import Backend, Certificate, Cluster, Frontend, Listener, LoadBalancing, Protocol, Timeouts
from sozu.command.settings import AccessLog, LogFormat, Metrics, Pool, Settings

WHOLE = """
command_socket: ./run/sozu.sock
journal: ./lib/sozu.journal
workers: 4
max_connections: 500
max_body_size: 1000000
min_rate: 100
timeouts: {request: 5, front: 20.5}
pool: {size: 8, idle: 5}
via: sozu
access_log: {path: ./access.log, format: combined}
metrics: {prometheus: "127.0.0.1:9102", statsd: "127.0.0.1:8125"}
welcome: true
listeners:
  - {protocol: http, address: "127.0.0.1:8080"}
  - {protocol: http, address: "[0:0::1]:0"}
  - {protocol: http, address: "unix:./run/http.sock"}
clusters:
  blog:
    load_balancing: least_loaded
    timeouts: {back: 120}
    max_body_size: 5000
    min_rate: 0
    frontends:
      - {hostname: Blog.example.com, path: /}
      - {hostname: "*.blog.example.com", path_exact: /api, listener: "unix:run/http.sock"}
    backends: ["127.0.0.1:9001", {address: "unix:app.sock", id: b2, weight: 50, backup: true}]
  empty:
"""


def read(text: str) -> Configuration:
    return read_configuration(textwrap.dedent(text), "sozu.yaml", Path("/etc/sozu"))


def test_settings_are_read_and_paths_begin_at_the_files_folder() -> None:
    assert read(WHOLE).settings == Settings(
        command_socket="/etc/sozu/run/sozu.sock",
        journal="/etc/sozu/lib/sozu.journal",
        workers=4,
        max_connections=500,
        max_body_size=1_000_000,
        min_rate=100,
        timeouts=Timeouts(request=5, front=20.5),
        pool=Pool(size=8, idle=5),
        via="sozu",
        access_log=AccessLog(path="/etc/sozu/access.log", format=LogFormat.COMBINED),
        metrics=Metrics(prometheus="127.0.0.1:9102", statsd="127.0.0.1:8125"),
        welcome=True,
    )


@pytest.mark.parametrize("name", ["", "a b", "bücher", "a,b", "a:80"])
def test_a_name_for_via_is_a_token(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no name for a Via field"):
        read(f'via: "{name}"')


def test_listeners_and_clusters_become_facts() -> None:
    assert list(read(WHOLE).state.facts()) == [
        Listener(protocol=Protocol.HTTP, address="127.0.0.1:8080"),
        Listener(protocol=Protocol.HTTP, address="[::1]:0"),
        Listener(protocol=Protocol.HTTP, address="unix:/etc/sozu/run/http.sock"),
        Cluster(
            cluster="blog",
            load_balancing=LoadBalancing.LEAST_LOADED,
            # What a cluster leaves out is as in the file, not as in the defaults.
            timeouts=Timeouts(request=5, front=20.5, back=120),
            max_body_size=5000,
            min_rate=0,
        ),
        Cluster(cluster="empty"),
        Frontend(cluster="blog", hostname="blog.example.com", path="/"),
        Frontend(
            cluster="blog",
            hostname="*.blog.example.com",
            path_exact="/api",
            listener="unix:/etc/sozu/run/http.sock",
        ),
        Backend(cluster="blog", address="127.0.0.1:9001", id="127.0.0.1:9001"),
        Backend(cluster="blog", address="unix:/etc/sozu/app.sock", id="b2", weight=50, backup=True),
    ]


@pytest.mark.parametrize("text", ["{}\n", "clusters: {}\n", "listeners:\nclusters:\n"])
def test_everything_may_be_left_out(text: str) -> None:
    configuration = read(text)

    assert configuration.settings == Settings(command_socket="/etc/sozu/sozu.sock", journal="/etc/sozu/sozu.journal")
    assert list(configuration.state.facts()) == []
    assert configuration.state.revision == 0


@pytest.mark.parametrize(
    ("text", "journal"),
    [
        ("command_socket: /run/a.sock", "/run/a.journal"),
        ("command_socket: /run/a", "/run/a.journal"),
        ("{command_socket: /run/a.sock, journal: b}", "/etc/sozu/b"),
    ],
)
def test_the_journal_is_beside_the_command_socket_if_nobody_says(text: str, journal: str) -> None:
    assert read(text).settings.journal == journal


def test_standard_output_is_no_file() -> None:
    assert read("access_log: {path: '-'}").settings.access_log == AccessLog(path="-")


def test_a_tilde_is_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert read("command_socket: ~/sozu.sock").settings.command_socket == "/home/me/sozu.sock"


def test_a_part_of_the_file_may_be_repeated_by_an_alias() -> None:
    configuration = read(
        """
        clusters:
          a: {timeouts: &slow {back: 300}}
          b: {timeouts: *slow}
        """
    )

    assert configuration.state.clusters["b"].timeouts == Timeouts(back=300)


def test_a_file_is_read_from_disk_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "sozu.yaml"
    file.write_text("workers: 3\n", "utf-8-sig")
    settings = load_configuration(str(file)).settings

    assert (settings.workers, settings.command_socket) == (3, str(tmp_path / "sozu.sock"))


def test_without_a_file_there_is_a_socket_here_and_a_welcome_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settings_without_file({})

    assert settings == Settings(
        command_socket=str(tmp_path / "sozu.sock"), journal=str(tmp_path / "sozu.journal"), welcome=True
    )
    assert settings_without_file({"SOZU_SOCKET": "/run/x.sock"}).command_socket == "/run/x.sock"
    assert settings_without_file({"SOZU_SOCKET": "~nosuchuser/x"}).command_socket == str(Path.cwd() / "~nosuchuser/x")


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("y", "y"),
        ("0", 0),
        ("-0", 0),
        ("12", 12),
        ("+12", 12),
        ("-1.5", -1.5),
        ("1.", 1.0),
        ("010", "010"),
        ("0x10", "0x10"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1e3", "1e3"),
        (".5", ".5"),
        (".inf", ".inf"),
        ("-", "-"),
        ("+-1", "+-1"),
        ("1.2.3", "1.2.3"),
        ("٣", "٣"),
        ("2001-12-14", "2001-12-14"),
        ("9" * 19, "9" * 19),
        ("9" * 18, int("9" * 18)),
    ],
)
def test_a_plain_word_means_what_yaml_1_2_says_and_nothing_surprising(word: str, value: object) -> None:
    read_back = plain_scalar(word)

    assert read_back == value
    assert type(read_back) is type(value)


def test_quotes_make_a_text() -> None:
    assert read_yaml("""[ "2", 'true', "", 2 ]""", "f").value == ["2", "true", "", 2]


def test_every_value_and_key_has_a_place() -> None:
    source = read_yaml("a:\n  - bc: 'd'\n", "f")

    assert source.span(("a", 0, "bc")) == Span(2, 9, 3)
    assert source.span(("a", 0, "bc"), at_key=True) == Span(2, 5, 2)
    assert source.span(("a", 0, "unknown")) == Span(2, 5)
    assert source.span(("nowhere",)) == Span(1, 1)
    assert read_yaml("", "f").span(("a",)) is None


def test_pyyaml_without_its_parser_in_c_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read(WHOLE)
    places: Any = read_yaml(WHOLE, "f").values
    monkeypatch.setattr(yaml_source, "_LOADER", yaml.BaseLoader)

    assert read(WHOLE) == expected
    assert read_yaml(WHOLE, "f").values == places


@pytest.mark.parametrize("text", ["a: \x07", "a: [", "a: *b", "a: 1\n---\nb: 2", "%x\na: 1", "\ta: 1"])
def test_pyyaml_without_its_parser_in_c_finds_the_same_errors(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_yaml(text, "f").problems
    monkeypatch.setattr(yaml_source, "_LOADER", yaml.BaseLoader)
    found = read_yaml(text, "f").problems

    assert len(found) == len(expected) == 1


def test_a_file_may_refer_to_certificates_that_are_held_and_does_not_say_them() -> None:
    text = f"""
    clusters:
      shop:
        tls: {{certificate: {"a" * 64}}}
        frontends: [{{hostname: a.example, certificate: {"a" * 64}}}]
    """
    held = Certificate(fingerprint="a" * 64, certificate="", private_key="", names=("a.example",))
    state = read_configuration(textwrap.dedent(text), "f.yaml", Path("/"), [held]).state
    assert state.clusters["shop"].tls == BackendTls(certificate="a" * 64)
    assert [frontend.certificate for frontend in state.frontends.values()] == ["a" * 64]
    assert not state.certificates
    with pytest.raises(ConfigurationError, match="there is no certificate"):
        read(text)


def test_several_listeners_may_have_the_kernel_choose_their_ports() -> None:
    text = """
listeners: [{protocol: http, address: "127.0.0.1:0"}, {protocol: tcp, address: "127.0.0.1:00", cluster: c}, {protocol: http, address: "127.0.0.1:0"}]
clusters: {c: {frontends: [{hostname: a.example, listener: "127.0.0.1:0/3"}]}}
"""
    state = read_configuration(text, "sozu.yaml", Path("/")).state

    assert {address: listener.protocol for address, listener in state.listeners.items()} == {
        "127.0.0.1:0": Protocol.HTTP,
        "127.0.0.1:0/2": Protocol.TCP,
        "127.0.0.1:0/3": Protocol.HTTP,
    }


@pytest.mark.parametrize("path", ["", "/", "//", ".", "a\\0b"])
def test_what_names_no_file_is_no_path(path: str) -> None:
    with pytest.raises(ConfigurationError, match="not a path"):
        read_configuration(f'command_socket: "{path}"', "sozu.yaml", Path("/"))
