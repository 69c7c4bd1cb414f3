"""Files that can be read but once, as `sozu apply <(generate)` and /dev/stdin name them: each verb works with them, or says why it does not."""

from collections.abc import Callable, Iterator
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
import pytest
import trustme

from sozu.cli.processes import starting
from sozu.cli.program import program
from sozu.command.config import Configuration
from tests.master.served import Served, start

Piped = Callable[[str], str]
FILE = 'listeners: [{protocol: http, address: "127.0.0.1:0"}]\nclusters: {blog: {frontends: [{hostname: a.b}], backends: ["127.0.0.1:1"]}}\n'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(tmp_path_factory.mktemp("served"))
    yield served
    served.close()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOZU_SOCKET", raising=False)


def sozu(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(program, arguments, prog_name="sozu")
    assert done.exit_code == code, done.output
    return done


def test_a_pipe_is_planned_and_applied_as_a_file_is(served: Served, piped: Piped) -> None:
    there = ("--socket", str(served.socket))
    text = sozu("export", *there).stdout
    before = served.status()["revision"]

    assert sozu("plan", *there, piped(text)).output == f"nothing to do (at revision {before})\n"
    assert "nothing to do" in sozu("apply", *there, piped(text)).stdout
    more = text.replace('"127.0.0.1:9001"', '{address: "127.0.0.1:9001", weight: 5}')
    assert "0 added, 1 changed, 0 removed" in sozu("apply", *there, piped(more)).stdout
    assert "0 added, 1 changed, 0 removed" in sozu("apply", *there, piped(text)).stdout


@pytest.mark.parametrize("nothing", ["", "# later\n", "---\n"])
@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_a_file_that_says_nothing_removes_nothing(served: Served, piped: Piped, verb: str, nothing: str) -> None:
    before = served.status()["revision"]

    refused = sozu(verb, "--socket", str(served.socket), piped(nothing), code=2).stderr
    assert ": error: the file says nothing [says-nothing]" in refused
    assert served.status()["revision"] == before


def test_whoever_wants_nothing_says_so(served: Served, piped: Piped) -> None:
    assert "- cluster blog" in sozu("plan", "--socket", str(served.socket), piped("clusters: {}\n")).stdout
    assert "- cluster blog" in sozu("plan", "--socket", str(served.socket), piped("{}\n")).stdout


def test_verbs_without_a_master_read_pipes(piped: Piped) -> None:
    assert "no errors; 1 listener, 1 cluster" in sozu("check", piped(FILE)).stdout
    assert "it goes to cluster blog" in sozu("explain", "a.b", "--file", piped(FILE)).stdout
    assert sozu("convert", piped("worker_count = 3\n")).stdout == "workers: 3\n"


def test_a_master_begins_with_what_a_pipe_says(monkeypatch: pytest.MonkeyPatch, piped: Piped, tmp_path: Path) -> None:
    seen: list[Configuration] = []

    def master(configuration: Configuration, *_: object, **__: Any) -> int:
        seen.append(configuration)
        return 0

    monkeypatch.setattr(starting, "be_master", master)
    sozu("serve", "-c", piped(FILE))

    assert list(seen[0].state.clusters) == ["blog"]
    # What a shell has made of a pipe has no folder.
    assert seen[0].settings.command_socket == str(tmp_path / "sozu.sock")


def test_certificates_are_read_from_pipes(served: Served, piped: Piped) -> None:
    there = ("--socket", str(served.socket))
    issued = [trustme.CA().issue_cert("piped.example") for _ in range(2)]
    one, other = ((each.cert_chain_pems[0].bytes().decode(), each.private_key_pem.bytes().decode()) for each in issued)

    *_, fingerprint = sozu("certificate", "add", *there, *map(piped, one), "--for-backends").stdout.splitlines()
    *_, replacement = sozu("certificate", "replace", *there, fingerprint, *map(piped, other), "--for-backends").stdout.splitlines()
    rows = json.loads(sozu("certificate", "list", *there, "--json").stdout)
    assert [row["fingerprint"] for row in rows] == [replacement]
    sozu("certificate", "remove", *there, replacement)


def test_a_state_is_loaded_and_saved_by_the_master_which_has_other_pipes(served: Served, piped: Piped, tmp_path: Path) -> None:
    there = ("--socket", str(served.socket))
    (tmp_path / "saved.state").touch()
    (tmp_path / "link").symlink_to(tmp_path / "saved.state")
    for name in (piped("x"), str(tmp_path / "link")):
        for verb in ("load", "save"):
            refused = sozu("state", verb, *there, name, code=2).stderr
            assert "has to be a regular file, as the master opens it: no pipe, no link" in refused
    assert (tmp_path / "link").is_symlink()
