import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
import pytest
import yaml

from sozu.command.config import ConfigurationError, Problem, load_configuration, yaml_source
from sozu.command.config.loading import read_configuration

CASES = sorted(Path(__file__).with_name("configurations").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_wrong_file_shows_all_its_errors(case: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_configuration(case.read_text("utf-8"), case.name, Path("/etc/sozu"))

    assert f"{refused.value}\n" == case.with_suffix(".txt").read_text("utf-8")


def test_there_are_cases() -> None:
    assert len(CASES) >= 20


def test_a_problem_looks_like_a_compilers() -> None:
    text = "\tworkers: 0"
    problem = Problem("f.yaml", "found the number 0", 12, 11, 1, text, "a whole number, at least 1", "1", "wrong-kind")

    assert problem.render().splitlines() == [
        "f.yaml:12:11: error: found the number 0 [wrong-kind]",
        " 12 | \tworkers: 0",
        "    | \t         ^",
        "    = expected a whole number, at least 1",
        '    = did you mean "1"?',
    ]


def test_a_problem_of_the_whole_file_has_no_line() -> None:
    assert Problem("f.yaml", "cannot be read").render() == "f.yaml: error: cannot be read [not-yaml]"
    assert Problem("f.yaml", "bad", expected="good").render() == "f.yaml: error: bad [not-yaml]\n = expected good"


def test_a_file_that_is_not_there_is_an_error_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.yaml: error: cannot be read: No such file or directory \[unreadable\]\n\n1 error"):
        load_configuration(tmp_path / "gone.yaml")


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "latin1.yaml"
    file.write_bytes("workers: 2\n# B\xfccher\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"line 2 is not UTF-8 \(byte 0xFC\)"):
        load_configuration(file)


def test_aliases_that_explode_are_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(ConfigurationError) as refused:
        read_configuration("\n".join(lines), "f.yaml", Path("/"))

    assert [problem.message[:7] for problem in refused.value.problems].count("aliases") == 1


@pytest.mark.parametrize("loader", [yaml_source._LOADER, yaml.BaseLoader])
@pytest.mark.parametrize(
    "text", ["[" * 100_000, "a: " + "{a: " * 100_000, "- " * 100_000, "? " * 100_000, '["]", ' * 50_000, "a:\n  b:\n    [\n" + "[\n" * 100_000, "[" * 5_000 + "]" * 5_000]
)
def test_what_is_nested_too_deeply_is_refused_before_it_is_composed(text: str, loader: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_source, "_LOADER", loader)
    problem, *_ = problems_of(text)

    assert problem.message.startswith("nested too deeply")


def test_what_is_no_yaml_is_told_of_a_large_file_too() -> None:
    (problem,) = problems_of("clusters: {" + ", ".join(f"c{n}: {{}}" for n in range(10_000)) + ", ]")

    assert problem.message.startswith("not YAML")


def test_brackets_in_texts_and_side_by_side_are_not_nested() -> None:
    body = "{{" * 10_000
    read_configuration(f'answers: [{{status: 404, body: "{body}"}}]\nclusters: {{{", ".join(f"c{n}: {{}}" for n in range(10_000))}}}\n', "f.yaml", Path("/"))


def test_a_path_that_the_file_does_not_hold_is_an_error_where_it_begins() -> None:
    with pytest.raises(ConfigurationError, match=r"^f\.yaml:1:1: error: .*/sozu\.sock has 113 bytes"):
        read_configuration("{}", "f.yaml", Path("/" + "x" * 102))


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "null\n"])
def test_a_file_that_says_nothing_may_have_been_cut_off(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^f\.yaml:1:1: error: the file says nothing \[says-nothing\]"):
        read_configuration(text, "f.yaml", Path("/"))


def test_relative_paths_begin_at_the_file_and_those_of_a_pipe_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/sozu.yaml").write_text("workers: 1\n")
    monkeypatch.chdir(tmp_path)
    with Path("etc/sozu.yaml").open() as file:
        names = {"etc/sozu.yaml": "etc/sozu.sock", f"/dev/fd/{file.fileno()}": "sozu.sock", f"/proc/self/fd/{file.fileno()}": "sozu.sock"}

        assert {name: load_configuration(name).settings.command_socket for name in names} == {name: str(tmp_path / path) for name, path in names.items()}


yaml_like = st.text(alphabet="abc:-[]{}*&!#'\"|>%@`,? \n\t0159.~<\x07é", max_size=60)
fragments = st.lists(
    st.sampled_from(
        ["workers", "clusters", "listeners", "blog", "frontends", "backends", "hostname", "address", "127.0.0.1:80", "*",
         ": ", ":\n", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ", ", '"', "null", "&a ", "*a", "2", "http", "timeouts"]
    ),
    max_size=25,
).map("".join)


KEYS = [
    *("command_socket", "workers", "timeouts", "access_log", "path", "format", "metrics", "prometheus", "listeners", "clusters"),
    *("protocol", "address", "frontends", "backends", "hostname", "path_exact", "listener", "load_balancing", "back", "weight"),
]
leaves = st.sampled_from([None, True, 5, 0.5, "http", "127.0.0.1:80", "a.b", "*", "/api", "random", "x y"])
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)
listeners = st.fixed_dictionaries({"protocol": st.just("http"), "address": leaves}, optional={"other": leaves})
frontends = st.fixed_dictionaries({"hostname": leaves}, optional={"path": leaves, "listener": leaves, "path_exact": leaves})
clusters = st.dictionaries(
    st.sampled_from("ab"), trees | st.fixed_dictionaries({"frontends": st.lists(frontends), "backends": st.lists(leaves | trees)})
)
files = trees | st.fixed_dictionaries({"listeners": st.lists(listeners), "clusters": clusters})


def problems_of(text: str) -> list[Problem]:
    try:
        read_configuration(text, "f.yaml", Path("/"))
    except ConfigurationError as refused:
        return list(refused.problems)
    return []


@given(yaml_like | fragments | files.map(json.dumps))
def test_any_text_is_a_configuration_or_refused_with_problems_in_their_order(text: str) -> None:
    places = [(problem.line, problem.column) for problem in problems_of(text)]

    assert places == sorted(places)
    assert all(line >= 1 and column >= 1 for line, column in places)


@pytest.mark.parametrize(("name", "why"), [("~nosuchuser/x", "there is no home of"), ('"a\\0b"', "holds no NUL")])
@pytest.mark.parametrize(
    "text",
    [
        *("command_socket: ", "journal: ", "pidfile: ", "access_log: {path: ", "answers: [{status: 404, file: "),
        *('listeners: [{protocol: https, address: "127.0.0.1:1", certificates: [{key: k, certificate: ', "clusters: {a: {tls: {ca: "),
        *('listeners: [{protocol: https, address: "127.0.0.1:1", tls: {client_ca: ', "clusters: {a: {tls: {key: k, certificate: "),
    ],
)
def test_a_name_that_no_file_can_have_is_told_at_its_place(text: str, name: str, why: str) -> None:
    ends = "".join({"[": "]", "{": "}"}[each] for each in reversed(text) if each in "[{")
    (problem,) = problems_of(f"{text}{name}{ends}\n")

    assert why in problem.message
    assert (problem.line, problem.column) == (1, len(text) + 1)


@pytest.mark.parametrize("name", ["unix:~nosuchuser/x", '"unix:a\\0b"'])
def test_an_address_that_no_socket_can_have_is_told_at_its_place(name: str) -> None:
    (problem,) = problems_of(f"clusters: {{a: {{backends: [{name}]}}}}")

    assert (problem.code, problem.line, problem.column) == ("bad-address", 1, 27)
