from pathlib import Path

from click.testing import CliRunner, Result
import pytest

from sozu.cli.program import program


def sozu(*arguments: str) -> Result:
    return CliRunner().invoke(program, arguments, prog_name="sozu")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.yaml"
    file.write_text('listeners: [{protocol: http, address: "127.0.0.1:0"}]\nclusters: {blog: {backends: ["127.0.0.1:1"]}}\n')
    return file


def test_a_good_file_is_counted(good: Path) -> None:
    done = sozu("check", str(good))

    assert done.exit_code == 0
    assert "no errors" in done.stdout
    assert "1 cluster," in done.stdout


@pytest.mark.parametrize("verb", [["check"], ["serve", "-c"]])
def test_all_errors_of_a_file_are_shown_at_their_places_and_nothing_else(tmp_path: Path, verb: list[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("workres: 2\nclusters: {blog: {backends: [nowhere]}}\n")

    done = sozu(*verb, str(file))

    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"{file}:1:1: error: ")
    assert f"{file}:2:" in done.stderr
    assert 'did you mean "workers"?' in done.stderr


def test_clusters_that_are_named_and_not_there_are_told_and_no_error(tmp_path: Path) -> None:
    file = tmp_path / "names.yaml"
    file.write_text("""
listeners:
  - {protocol: tcp, address: "127.0.0.1:5432", cluster: postgers}
clusters:
  postgres: {}
  site:
    split: [{cluster: site-next, share: 10}, {cluster: postgres, share: 1}]
    frontends:
      - {hostname: a.b, forward_auth: {cluster: aut}}
      - {hostname: b.b, forward_auth: {cluster: auth}}
  auth: {}
""")
    done = sozu("check", str(file))

    assert done.exit_code == 0
    assert f"{file}: no errors, 3 warnings; " in done.stdout
    assert [line for line in done.stderr.splitlines() if "warning:" in line] == [
        f'{file}:3:57: warning: there is no cluster "postgers"',
        f'{file}:7:23: warning: there is no cluster "site-next"',
        f'{file}:9:49: warning: there is no cluster "aut"',
    ]
    assert 'did you mean "auth"?' in done.stderr


def test_what_is_hardly_meant_is_told_and_no_error(tmp_path: Path) -> None:
    file = tmp_path / "hardly.yaml"
    file.write_text("""
listeners:
  - {protocol: https, address: "127.0.0.1:8443"}
clusters:
  site: {frontends: [{hostname: a.b, redirect: {to: "https://$host/x"}}]}
""")
    done = sozu("check", str(file))

    assert done.exit_code == 0
    assert [line for line in done.stderr.splitlines() if "warning:" in line] == [
        f'{file}:5:53: warning: "$host" is sent as it stands: places are written {{scheme}}, {{host}}, {{path}}, {{query}}, {{rest}}',
        f"{file}:3:5: warning: an https listener without a certificate: no client gets in until one is added",
    ]


def test_a_listener_whose_connections_are_passed_on_needs_no_certificate(tmp_path: Path) -> None:
    file = tmp_path / "passed.yaml"
    file.write_text("""
listeners: [{protocol: https, address: "127.0.0.1:8443"}]
clusters: {site: {frontends: [{hostname: a.b, passthrough: true}]}}
""")
    assert "warning" not in sozu("check", str(file)).output


def test_a_file_that_is_not_behind_its_option_is_told_where_it_belongs(good: Path) -> None:
    done = sozu("serve", str(good))

    assert done.exit_code == 2
    assert f"sozu serve -c {good}" in done.output


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    assert sozu("check", str(tmp_path / "none.yaml")).exit_code == 2


@pytest.mark.parametrize("more", [["--demo"], ["--to", "127.0.0.1:1"], ["--listen", "127.0.0.1:1"]])
def test_a_file_and_routes_on_the_command_line_contradict_each_other(good: Path, more: list[str]) -> None:
    done = sozu("serve", "-c", str(good), *more)

    assert done.exit_code == 2
    assert "Nothing was started" in done.stderr


def test_apply_without_a_file_would_throw_everything_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    done = sozu("serve", "--apply")

    assert done.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_makes_no_sense_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    done = sozu("serve", "--to", "nowhere")

    assert done.exit_code == 2
    assert "nowhere" in done.stderr
    assert list(tmp_path.iterdir()) == []
