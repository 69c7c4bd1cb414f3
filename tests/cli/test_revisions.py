"""The verbs for the configuration as a whole, on a real master whose workers are scripted."""

from collections.abc import Iterator
from hashlib import sha256
import json
from pathlib import Path
import ssl
import stat

from click.testing import CliRunner, Result
import pytest
import trustme

from sozu.cli.program import program
from sozu.command.config import load_configuration
from tests.master.served import Served, start


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(tmp_path_factory.mktemp("served"))
    yield served
    served.close()


@pytest.fixture(autouse=True)
def there(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(served.folder)
    monkeypatch.delenv("SOZU_SOCKET", raising=False)


def sozu(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(program, arguments, prog_name="sozu")
    assert done.exit_code == code, done.output
    return done


def revision(served: Served) -> int:
    number: int = served.status()["revision"]
    return number


def exported(path: Path, old: str = "", new: str = "") -> Path:
    text = sozu("export").stdout
    assert old in text
    path.write_text(text.replace(old, new) if old else text)
    return path


def test_to_apply_what_was_exported_is_nothing_to_do(served: Served, tmp_path: Path) -> None:
    file = exported(tmp_path / "sozu.yaml")
    before = revision(served)

    assert sozu("plan", str(file)).output == f"nothing to do (at revision {before})\n"
    assert f"nothing to do (still at revision {before})" in sozu("apply", str(file)).stdout


def test_a_dry_run_is_the_plan_and_apply_does_exactly_that(served: Served, tmp_path: Path) -> None:
    before = revision(served)
    file = exported(tmp_path / "sozu.yaml", '"127.0.0.1:9001"', '{address: "127.0.0.1:9001", weight: 5}')
    plan = sozu("plan", str(file))

    assert plan.stdout.splitlines()[0] == "~ backend 127.0.0.1:9001 of cluster blog  weight: default -> 5"
    assert sozu("apply", str(file), "--dry-run").output == plan.output
    assert revision(served) == before
    done = sozu("apply", str(file)).stdout.splitlines()
    assert done[:-1] == plan.stdout.splitlines()
    assert done[-1] == f"revision {before + 1}: committed, confirmed by 2 workers; 0 added, 1 changed, 0 removed"
    sozu("rollback", str(before))


def test_settings_that_can_be_changed_are_a_part_of_the_plan_the_others_are_noted(tmp_path: Path) -> None:
    file = tmp_path / "sozu.yaml"
    lines = [line for line in sozu("export").stdout.splitlines() if not line.startswith(("max_connections", "via"))]
    file.write_text("\n".join([*lines, "max_connections: 77", "via: somebody", ""]))
    plan = sozu("plan", str(file))

    assert "~ settings for all  max_connections: as started -> 77" in plan.stdout
    assert plan.stderr == "note: via differs from what the master was started with; that takes a restart\n"


def test_a_plan_for_programs_says_the_same(tmp_path: Path) -> None:
    file = exported(tmp_path / "sozu.yaml", '{hostname: "blog.example.com", path: "/"}', '{hostname: "blog.example.com", path: "/", listener: "unix:/x"}')
    file.write_text(file.read_text().replace("listeners:\n", 'listeners:\n  - {protocol: http, address: "unix:/x", active: false}\n'))
    told = json.loads(sozu("plan", str(file), "--json").stdout)

    assert {row["kind"] for row in told["changes"]} == {"listener", "frontend"}
    assert told["shadowed"][0]["why"] == "the listener unix:/x is not active"
    assert "warning: frontend blog.example.com/ on unix:/x of cluster blog can never match" in sozu("plan", str(file)).stderr


def test_a_file_with_errors_is_not_planned(served: Served, tmp_path: Path) -> None:
    before = revision(served)
    (tmp_path / "sozu.yaml").write_text("clusters: {blog: {backends: [localhost:1]}}\n")

    refused = sozu("plan", str(tmp_path / "sozu.yaml"), code=2).stderr
    assert "sozu.yaml:1:" in refused
    assert refused.splitlines()[-1].startswith("nothing was changed (still at revision ")
    assert "sozu.yaml:1:" in sozu("apply", str(tmp_path / "sozu.yaml"), code=2).stderr
    assert revision(served) == before


def test_the_log_shows_revisions_for_people_and_for_programs(served: Served) -> None:
    sozu("cluster", "add", "logged")
    sozu("cluster", "remove", "logged", "--no-wait")
    number = revision(served)

    header, *lines = sozu("log", "--last", "2").stdout.splitlines()
    assert header.split() == ["revision", "when", "uid", "pid", "what", "command"]
    assert [line.split()[0] for line in lines] == [str(number - 1), str(number)]
    assert "remove_cluster logged" in lines[1]
    assert [row["revision"] for row in json.loads(sozu("log", "--last", "2", "--json").stdout)] == [number - 1, number]
    assert '{"type": "remove_cluster", "cluster": "logged"}' in sozu("log", str(number)).stdout
    assert json.loads(sozu("log", str(number), "--json").stdout)["orders"] == [{"type": "remove_cluster", "cluster": "logged"}]
    assert "does not tell" in sozu("log", "99999", code=1).stderr


def test_there_is_a_way_back_that_is_shown_before_it_is_gone(served: Served) -> None:
    before = revision(served)
    sozu("cluster", "add", "regretted")

    assert sozu("rollback", str(before), "--dry-run").stdout.splitlines()[0] == "- cluster regretted"
    assert f"revision {before + 2}: committed" in sozu("rollback", str(before)).stdout
    assert "regretted" not in sozu("state", "show").stdout


def test_the_state_is_saved_shown_and_loaded(served: Served) -> None:
    before = revision(served)
    assert sozu("state", "save", "saved.state").stdout == f"revision {before} is in {served.folder / 'saved.state'}\n"
    assert '{"type": "add_cluster", "cluster": "blog"}' in sozu("state", "show").stdout.splitlines()
    assert {"type": "add_cluster", "cluster": "blog"} in json.loads(sozu("state", "show", "--json").stdout)
    sozu("cluster", "add", "later")

    assert sozu("state", "load", "saved.state", "--dry-run").stdout.startswith("- cluster later\n")
    assert "0 added, 0 changed, 1 removed" in sozu("state", "load", "saved.state").stdout
    assert "nothing to do" in sozu("state", "load", "sozu.journal").stdout


def test_a_request_is_explained_with_what_the_workers_see_of_its_backends(tmp_path: Path) -> None:
    lines = sozu("explain", "GET", "http://blog.example.com/x").stdout.splitlines()
    assert lines[0].endswith(": it goes to cluster blog")
    assert lines[1].startswith("  + blog.example.com/ of cluster blog: takes it, ")
    # Each of the two scripted workers tells of three exchanges.
    assert lines[-1].split() == ["127.0.0.1:9001", "127.0.0.1:9001", "up", "6", "2", "4", "100", "no"]
    assert json.loads(sozu("explain", "blog.example.com", "--json").stdout)[0]["backends"][0]["state"] == "up"

    file = exported(tmp_path / "sozu.yaml", "blog.example.com", "other.example.com")
    lines = sozu("explain", "blog.example.com", "--file", str(file)).stdout.splitlines()
    assert '404: no frontend is for "blog.example.com"; did you mean "other.example.com"' in lines[0]


def test_what_cannot_be_explained_is_refused(tmp_path: Path) -> None:
    assert "is not a URL" in sozu("explain", "http://[::1", code=1).stderr
    assert "is not a URL" in sozu("explain", "http://[::1", "--file", str(exported(tmp_path / "sozu.yaml")), code=2).stderr
    assert "expected NAME:VALUE" in sozu("explain", "x.y", "-H", "beta", code=2).stderr
    assert "a method and a URL" in sozu("explain", "GET", "x.y", "z", code=2).stderr


def test_the_key_of_a_certificate_is_not_exported_and_the_certificate_stays(served: Served, tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("secret.example")
    certificate, key = issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()
    before = revision(served)
    served.ask({"type": "add_certificate", "certificate": certificate, "key": key})
    fingerprint = sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
    sozu("cluster", "add", "shown", "--tls", f"certificate={fingerprint}")
    sozu("frontend", "add", "shown", "secret.example", "--certificate", fingerprint)

    told = sozu("export")
    assert "PRIVATE" not in told.stdout
    assert "keys are not exported, nor the certificates for them; to apply this file leaves all 1 as they are" in told.stderr
    file = exported(tmp_path / "sozu.yaml")
    assert sozu("plan", str(file)).stdout.startswith("nothing to do")
    assert "PRIVATE" not in sozu("state", "show").stdout
    sozu("rollback", str(before))


def test_keys_are_exported_into_a_folder_for_oneself_alone(served: Served, tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("kept.example", "www.kept.example")
    certificate, key = issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()
    other = trustme.CA().issue_cert("backend.example")
    shown, secret = other.cert_chain_pems[0].bytes().decode(), other.private_key_pem.bytes().decode()
    served.ask({"type": "add_listener", "protocol": "https", "address": f"unix:{tmp_path}/tls.sock"})
    served.ask({"type": "add_certificate", "certificate": certificate, "key": key, "listener": f"unix:{tmp_path}/tls.sock"})
    served.ask({"type": "add_certificate", "certificate": shown, "key": secret, "for_backends": True})
    fingerprint, to_backends = (sha256(ssl.PEM_cert_to_DER_cert(each)).hexdigest() for each in (certificate, shown))
    sozu("cluster", "add", "proving", "--tls", f"certificate={to_backends}")

    told = sozu("export", "--with-keys", str(tmp_path / "keys"))
    assert "PRIVATE" not in told.stdout
    kept = {file.name: file for file in (tmp_path / "keys").iterdir()}
    assert {f"{each}.{end}" for each in (fingerprint, to_backends) for end in ("pem", "key")} <= set(kept)
    assert "state" not in kept
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept.values()} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert "PRIVATE KEY" in kept[f"{fingerprint}.key"].read_text()

    file = tmp_path / "sozu.yaml"
    file.write_text(told.stdout)
    begun = load_configuration(file).state.certificates
    assert begun[fingerprint].listeners == (f"unix:{tmp_path}/tls.sock",)
    assert begun[to_backends].for_backends
    assert told.stderr == ""


def test_of_an_exported_certificate_that_has_no_place_in_the_file_one_is_told(served: Served, tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("unused.example")
    certificate, key = issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()
    fingerprint = sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
    before = revision(served)
    served.ask({"type": "add_certificate", "certificate": certificate, "key": key, "for_backends": True})

    told = sozu("export", "--with-keys", str(tmp_path / "keys"))
    assert told.stderr.startswith(f"note: certificate {fingerprint} is shown by no cluster and served at no listener")
    assert (tmp_path / "keys" / f"{fingerprint}.key").exists()
    sozu("rollback", str(before))
