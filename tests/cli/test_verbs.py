from collections.abc import Callable, Iterator
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
import pytest
import trustme

from sozu.cli.program import program
from sozu.command.orders import AddCluster
from tests.cli.scripted_master import Script, ScriptedMaster

Start = Callable[[Script], ScriptedMaster]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("SOZU_SOCKET", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[ScriptedMaster] = []

    def begin(script: Script) -> ScriptedMaster:
        started.append(ScriptedMaster(tmp_path / "sozu.sock", script))
        return started[-1]

    yield begin
    for master in started:
        master.__exit__()


def sozu(*arguments: str) -> Result:
    return CliRunner().invoke(program, arguments, prog_name="sozu")


def without_id(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "id"}


ORDERS = [
    (["cluster", "add", "blog"], {"type": "add_cluster", "cluster": "blog"}),
    (
        ["cluster", "add", "blog", "--load-balancing", "random"],
        {"type": "add_cluster", "cluster": "blog", "load_balancing": "random"},
    ),
    (
        ["cluster", "add", "blog", "--max-body-size", "1000", "--min-rate", "0"],
        {"type": "add_cluster", "cluster": "blog", "max_body_size": 1000, "min_rate": 0},
    ),
    (
        ["frontend", "add", "shop", "a.example", "--rate", "600/60+20"],
        {"type": "add_http_frontend", "cluster": "shop", "hostname": "a.example", "rate": {"requests": 600, "seconds": 60.0, "burst": 20}},
    ),
    (
        ["frontend", "add", "shop", "a.example", "--rate", "10"],
        {"type": "add_http_frontend", "cluster": "shop", "hostname": "a.example", "rate": {"requests": 10, "seconds": 1.0}},
    ),
    (
        ["cluster", "add", "shop", "--set", "sticky=SITE", "--set", 'queue={"size": 5}', "--set", "max_exchanges=9", "--hash-on", "header:x"],
        {"type": "add_cluster", "cluster": "shop", "hash_on": "header:x", "sticky": "SITE", "max_exchanges": 9, "queue": {"size": 5}},
    ),
    (
        ["backend", "add", "shop", "127.0.0.1:1", "--maintenance"],
        {"type": "add_backend", "cluster": "shop", "address": "127.0.0.1:1", "maintenance": True},
    ),
    (
        ["listener", "add", "http", "127.0.0.1:8081", "--inactive"],
        {"type": "add_listener", "protocol": "http", "address": "127.0.0.1:8081", "active": False},
    ),
    (
        ["listener", "update", "http", "127.0.0.1:8081", "--active"],
        {"type": "update_listener", "protocol": "http", "address": "127.0.0.1:8081", "active": True},
    ),
    (
        ["listener", "update", "http", "127.0.0.1:8081", "--trusted", "10.0.0.0/8", "--trusted", "::1", "--no-proxy-from"],
        {"type": "update_listener", "protocol": "http", "address": "127.0.0.1:8081", "trusted": ["10.0.0.0/8", "::1"], "proxy_from": []},
    ),
    *(
        (["listener", verb, "http", "unix:/run/a"], {"type": f"{verb}_listener", "protocol": "http", "address": "unix:/run/a"})
        for verb in ("activate", "deactivate")
    ),
    (["listener", "remove", "http", "unix:/run/a"], {"type": "remove_listener", "protocol": "http", "address": "unix:/run/a", "wait": True}),
    (["listener", "remove", "http", "unix:/a", "--no-wait"], {"type": "remove_listener", "protocol": "http", "address": "unix:/a"}),
    (
        ["settings", "set", "--max-connections", "5", "--log-level", "debug", "--as-file", "timeouts"],
        {"type": "update_settings", "max_connections": 5, "log_level": "debug", "timeouts": None},
    ),
    (["cluster", "remove", "blog"], {"type": "remove_cluster", "cluster": "blog", "wait": True}),
    (["cluster", "remove", "blog", "--no-wait"], {"type": "remove_cluster", "cluster": "blog"}),
    (
        ["frontend", "add", "blog", "*.example.com", "--path", "/api"],
        {"type": "add_http_frontend", "cluster": "blog", "hostname": "*.example.com", "path": "/api"},
    ),
    (
        [
            *("frontend", "add", "blog", r"/x\d+/", "--path-regex", "/.*", "--method", "PUT", "--method", "GET", "--position", "pre"),
            *("--header", "x-a=1=2", "--header", "x-b~v.*", "--query", "beta", "--cookie", "!old"),
        ],
        {
            "type": "add_http_frontend",
            "cluster": "blog",
            "hostname_regex": r"x\d+",
            "path_regex": "/.*",
            "methods": ["PUT", "GET"],
            "headers": [{"name": "x-a", "value": "1=2"}, {"name": "x-b", "regex": "v.*"}],
            "query": [{"name": "beta"}],
            "cookies": [{"name": "old", "present": False}],
            "position": "pre",
        },
    ),
    (
        [
            *("frontend", "add", "blog", "x.example.com", "--replace-prefix", "/", "--rewrite-host", "app.internal", "--hsts", "60"),
            *("--request-header", "x-a=1", "--request-header", "!cookie", "--response-header", "+vary=b", "--user", "ali:$x", "--user", "bob:$y:z"),
            *("--forward-auth", "auth/check?x-user,x-role", "--allow-from", "10.0.0.0/8", "--deny-from", "10.9.0.0/16"),
        ],
        {
            "type": "add_http_frontend",
            "cluster": "blog",
            "hostname": "x.example.com",
            "replace_prefix": "/",
            "rewrite_host": "app.internal",
            "hsts": {"max_age": 60},
            "request_headers": [{"set": "x-a", "value": "1"}, {"remove": "cookie"}],
            "response_headers": [{"add": "vary", "value": "b"}],
            "basic_auth": {"users": [{"name": "ali", "hash": "$x"}, {"name": "bob", "hash": "$y:z"}]},
            "forward_auth": {"cluster": "auth", "path": "/check", "copy": ["x-user", "x-role"]},
            "allow_from": ["10.0.0.0/8"],
            "deny_from": ["10.9.0.0/16"],
        },
    ),
    (
        ["frontend", "add", "blog", "x.example.com", "--redirect-to", "/new{rest}", "--status", "308"],
        {"type": "add_http_frontend", "cluster": "blog", "hostname": "x.example.com", "redirect": {"to": "/new{rest}", "status": 308}},
    ),
    (
        ["frontend", "add", "blog", "x.example.com", "--deny", "403", "--forward-auth", "auth"],
        {"type": "add_http_frontend", "cluster": "blog", "hostname": "x.example.com", "deny": 403, "forward_auth": {"cluster": "auth"}},
    ),
    (
        ["frontend", "remove", "blog", "x.example.com", "--path-exact", "/a", "--listener", "127.0.0.1:80"],
        {
            "type": "remove_http_frontend",
            "cluster": "blog",
            "hostname": "x.example.com",
            "path_exact": "/a",
            "listener": "127.0.0.1:80",
        },
    ),
    (
        ["backend", "add", "blog", "127.0.0.1:9002", "--id", "b2", "--weight", "50", "--backup"],
        {
            "type": "add_backend",
            "cluster": "blog",
            "address": "127.0.0.1:9002",
            "backend_id": "b2",
            "weight": 50,
            "backup": True,
        },
    ),
    (
        ["backend", "remove", "blog", "127.0.0.1:9002"],
        {"type": "remove_backend", "cluster": "blog", "address": "127.0.0.1:9002", "wait": True},
    ),
    (
        ["backend", "remove", "blog", "127.0.0.1:9002", "--no-wait"],
        {"type": "remove_backend", "cluster": "blog", "address": "127.0.0.1:9002"},
    ),
]


@pytest.mark.parametrize(("arguments", "order"), ORDERS, ids=[" ".join(arguments[:2]) for arguments, _ in ORDERS])
def test_a_verb_sends_one_order_and_says_what_became_of_it(
    start: Start, arguments: list[str], order: dict[str, Any]
) -> None:
    master = start({})

    done = sozu(*arguments)

    assert done.exit_code == 0, done.output
    assert done.stdout == "committed as revision 2\n"
    assert [without_id(request) for request in master.asked] == [order]


def test_an_order_that_is_refused_ends_with_1_and_says_that_nothing_changed(start: Start) -> None:
    start({"add_backend": [{"status": "ERROR", "message": 'there is no cluster "blgo"; did you mean "blog"?; nothing was changed'}]})

    done = sozu("backend", "add", "blgo", "127.0.0.1:1")

    assert done.exit_code == 1
    assert done.stdout == ""
    assert 'did you mean "blog"?' in done.stderr
    assert "nothing was changed" in done.stderr


def test_what_a_cluster_leaves_out_of_its_timeouts_is_as_for_all(start: Start) -> None:
    settings = {"command_socket": "/s", "journal": "/j", "timeouts": {"request": 7.0, "front": 8.0}}
    master = start({"status": [{"status": "OK", "data": {"settings": settings, "overrides": {"timeouts": {"connect": 2.0, "request": 7.0}}}}]})

    assert sozu("cluster", "add", "blog", "--timeout", "back=5").exit_code == 0
    assert master.asked[-1]["timeouts"] == {"request": 7.0, "back": 5.0, "connect": 2.0}


def test_the_fingerprint_is_told_also_where_a_worker_confirms_late(start: Start, tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("late.example")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    late = {"status": "OK", "message": "committed", "data": {"revision": 3, "late": [1]}}
    start({"add_certificate": [late], "replace_certificate": [late]})

    for verb in (["add"], ["replace", "0" * 64]):
        done = sozu("certificate", *verb, "cert.pem", "key.pem")
        assert done.exit_code == 5
        assert [len(line) for line in done.stdout.splitlines()] == [len("committed"), 64]


def test_certificates_are_listed_without_a_word_about_keys(start: Start) -> None:
    fact = {"type": "add_certificate", "certificate": "PEM", "key": "(withheld)", "fingerprint": "0" * 64, "names": ["a.b"]}
    start({"dump_state": [{"status": "OK", "message": "revision 2", "data": {"revision": 2, "orders": [fact]}}]})

    (row,) = json.loads(sozu("certificate", "list", "--json").stdout)
    assert (row["fingerprint"], row["names"]) == ("0" * 64, ["a.b"])
    assert not {"key", "private_key", "certificate"} & row.keys()


def test_bad_input_ends_with_2() -> None:
    for arguments in (
        ["frontend", "add", "blog", "x.y", "--status", "308"],
        ["cluster", "add"],
        ["cluster", "add", "blog", "--timeout", "bak=1"],
        ["cluster", "add", "blog", "--timeout", "back=soon"],
        ["cluster", "add", "blog", "--timeout", "back=nan"],
        ["cluster", "add", "blog", "--load-balancing", "best"],
        ["backend", "add", "blog", "127.0.0.1:1", "--weight", "-1"],
        ["stop", "--grace", "never"],
    ):
        assert sozu(*arguments).exit_code == 2, arguments


def test_no_master_ends_with_3_and_names_every_path_that_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))

    done = sozu("status")

    assert done.exit_code == 3
    assert "sozu.sock" in done.stderr
    assert str(tmp_path / "runtime") in done.stderr
    assert "sozu serve" in done.stderr


def test_a_socket_named_by_hand_is_the_only_one_tried(start: Start) -> None:
    master = start({})

    done = sozu("--socket", "elsewhere.sock", "cluster", "remove", "x")

    assert done.exit_code == 3
    assert "elsewhere.sock" in done.stderr
    assert master.asked == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--socket", "here.sock", "cluster", "remove", "x"],
        ["cluster", "--socket", "here.sock", "remove", "x"],
        ["cluster", "remove", "x", "--socket", "here.sock"],
        ["--socket", "there.sock", "cluster", "remove", "x", "--socket", "here.sock"],
    ],
)
def test_the_socket_may_stand_before_or_after_the_verb(tmp_path: Path, arguments: list[str]) -> None:
    with ScriptedMaster(tmp_path / "here.sock", {}) as master:
        assert sozu(*arguments).exit_code == 0

    assert len(master.asked) == 1


def test_waiting_for_a_backend_can_time_out_with_4(start: Start) -> None:
    start({"remove_backend": [{"status": "PROCESSING", "message": "1 exchange left", "data": {"exchanges": 1}}]})

    done = sozu("backend", "remove", "blog", "127.0.0.1:9002", "--timeout", "0.05")

    assert done.exit_code == 4
    assert "1 exchange left" in done.stderr
    assert done.stdout == ""


def test_a_worker_that_confirms_late_ends_with_5(start: Start) -> None:
    start({"add_cluster": [{"status": "OK", "message": "committed as revision 3", "data": {"revision": 3, "late": [1]}}]})

    done = sozu("cluster", "add", "blog")

    assert done.exit_code == 5
    assert done.stdout == "committed as revision 3\n"
    assert "worker 1" in done.stderr


def test_an_answer_without_meaning_is_no_success(start: Start) -> None:
    start({"status": [{"status": "no such status"}]})

    assert sozu("status").exit_code != 0


DUMP: list[dict[str, Any]] = [
    {"status": "PROCESSING", "data": {"revision": 2, "orders": [{"type": "add_cluster", "cluster": "blog"}]}},
    {
        "status": "OK",
        "message": "revision 2",
        "data": {
            "revision": 2,
            "orders": [
                {"type": "add_http_frontend", "cluster": "blog", "hostname": "blog.example.com", "path": "/api"},
                {"type": "add_backend", "cluster": "blog", "address": "127.0.0.1:9001", "backend_id": "b1"},
            ],
        },
    },
]


def test_a_listing_is_columns_for_people(start: Start) -> None:
    start({"dump_state": DUMP})

    lines = sozu("frontend", "list").stdout.splitlines()

    assert lines[0].split() == ["frontend", "cluster"]
    assert lines[1].split() == ["blog.example.com/api", "blog"]
    assert len(lines) == 2


def test_a_listing_is_json_with_all_its_fields_for_programs(start: Start) -> None:
    start({"dump_state": DUMP})

    assert json.loads(sozu("backend", "list", "--json").stdout) == [
        {"cluster": "blog", "address": "127.0.0.1:9001", "id": "b1", "weight": 100, "backup": False, "maintenance": False}
    ]
    assert json.loads(sozu("cluster", "list", "--json").stdout)[0]["load_balancing"] == "round_robin"


def test_an_empty_listing_says_how_to_fill_it(start: Start) -> None:
    start({"dump_state": [{"status": "OK", "message": "revision 0", "data": {"revision": 0, "orders": []}}]})

    assert "sozu cluster add" in sozu("cluster", "list").stdout
    assert json.loads(sozu("cluster", "list", "--json").stdout) == []


STATUS = {
    "pid": 7,
    "revision": 3,
    "version": "0.1.0",
    "uptime": 190.5,
    "listeners": [
        {"protocol": "http", "address": "127.0.0.1:8080", "active": True},
        {"protocol": "http", "address": "[::1]:8080", "active": False},
    ],
    "workers": [{"id": 0, "pid": 8, "state": "running", "connections": 2, "requests": 5}],
}


def test_status_shows_master_listeners_and_workers(start: Start) -> None:
    start({"status": [{"status": "OK", "data": STATUS}]})

    shown = sozu("status").stdout

    assert "pid 7, revision 3, up 3 min" in shown
    assert "http 127.0.0.1:8080\n" in shown
    assert "http [::1]:8080, not active\n" in shown
    assert ["0", "8", "running", "2", "5"] in [line.split() for line in shown.splitlines()]
    assert json.loads(sozu("status", "--json").stdout) == STATUS


def test_stop_is_soft_with_a_grace_unless_hard(start: Start) -> None:
    master = start({})

    sozu("stop")
    sozu("stop", "--grace", "60")
    sozu("stop", "--hard")

    assert [without_id(request) for request in master.asked] == [
        {"type": "soft_stop", "grace": 10.0},
        {"type": "soft_stop", "grace": 60.0},
        {"type": "hard_stop"},
    ]


def test_metrics_are_printed_as_they_came(start: Start) -> None:
    start({"metrics": [{"status": "OK", "data": {"requests": 5}}]})

    assert json.loads(sozu("metrics").stdout) == {"requests": 5}


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("sticky", "expected NAME=VALUE"),
        ("stiky=SITE", 'did you mean "sticky"?'),
        ("max_exchanges=0", "Expected `int` >= 1"),
        ("queue=[]", "Expected `object"),
    ],
)
def test_a_setting_that_is_none_is_bad_input(word: str, reason: str) -> None:
    result = sozu("cluster", "add", "shop", "--set", word)

    assert (result.exit_code, reason in result.stderr) == (2, True), result.stderr


def test_a_change_of_a_head_that_is_none_says_how_to_write_one() -> None:
    done = sozu("frontend", "add", "blog", "x.example.com", "--request-header", "x-a")

    assert done.exit_code == 2
    assert "NAME=VALUE sets a field, +NAME=VALUE adds one, !NAME removes it" in done.stderr


def test_a_rate_that_is_none_is_bad_input() -> None:
    result = sozu("frontend", "add", "shop", "a.example", "--rate", "often")

    assert (result.exit_code, "REQUESTS[/SECONDS][+BURST]" in result.stderr) == (2, True), result.stderr


def test_a_setting_that_is_written_as_an_option_is_shown_how_it_is_said() -> None:
    said = sozu("cluster", "add", "shop", "--max-exchanges", "5")
    assert said.exit_code == 2
    assert "say --set max_exchanges=VALUE" in said.output
    assert "No such option" in sozu("cluster", "add", "shop", "--nonsense").output


def test_the_help_of_a_cluster_names_every_setting() -> None:
    told = " ".join(sozu("cluster", "add", "--help").output.replace("--load-balancing", "load_balancing").split()).replace("-", "_")
    assert [name for name in AddCluster.__struct_fields__ if name not in told and name != "timeouts"] == []
