"""The shape we hold ourselves to, as tests: budgets that nobody has to remember."""

import ast
from collections.abc import Iterator
from functools import cache
import io
from pathlib import Path
import tokenize
import tomllib

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_FUNCTION = 50
LONGEST_FILE = 300
FILES_IN_A_FOLDER = 20
EMPTY_NAMES = {"utils", "util", "common", "base", "manager", "helpers", "helper", "misc", "core", "lib", "shared"}
SOURCES = sorted((ROOT / "sozu").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_lines(source: str) -> set[int]:
    """The numbers of the lines that hold code: neither blank nor a comment."""
    quiet = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        line for token in tokens if token.type not in quiet for line in range(token.start[0], token.end[0] + 1)
    }


def docstring_lines(node: Function) -> set[int]:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return set()


def function_lengths(path: Path) -> Iterator[tuple[str, int]]:
    code = code_lines(path.read_text())
    for node in ast.walk(parsed(path)):
        if isinstance(node, Function):
            own = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            yield node.name, len((own & code) - docstring_lines(node))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported_by(path: Path) -> Iterator[str]:
    """Every name that a file imports, with the module and with each name taken from it; relative imports are not ours."""
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)


def imports_any(path: Path, packages: set[str]) -> set[str]:
    return {name for name in imported_by(path) if any(name == p or name.startswith(p + ".") for p in packages)}


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    too_long = [(name, length) for name, length in function_lengths(path) if length > LONGEST_FUNCTION]

    assert too_long == []


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_no_file_is_longer_than_a_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_every_module_opens_with_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(parsed(path))


def test_no_folder_is_crowded() -> None:
    crowded = [
        shown(folder)
        for folder in {path.parent for path in SOURCES}
        if len(list(folder.glob("*.py"))) > FILES_IN_A_FOLDER
    ]

    assert crowded == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [shown(path) for path in SOURCES if path.stem in EMPTY_NAMES or path.parent.name in EMPTY_NAMES] == []


def broad_handlers(path: Path) -> list[int]:
    """Those that keep what they caught; one that cleans up and raises it again hides nothing."""
    return [
        node.lineno
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and ast.unparse(node.body[-1]) != "raise"
    ]


def silent_handlers(path: Path) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and all(isinstance(line, ast.Pass) for line in node.body)
    ]


def test_no_exception_is_swallowed_in_silence() -> None:
    assert {shown(path): lines for path in SOURCES if (lines := silent_handlers(path))} == {}


def test_a_process_has_at_most_one_broad_handler() -> None:
    found = {shown(path): lines for path in SOURCES if (lines := broad_handlers(path))}

    for process in ("sozu/master/", "sozu/proxy/"):
        assert sum(len(lines) for path, lines in found.items() if path.startswith(process)) <= 1
    assert [path for path in found if not path.startswith(("sozu/master/", "sozu/proxy/"))] == []


def test_nothing_is_left_to_do_in_a_comment() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "X" + "XX")

    assert [shown(path) for path in SOURCES + TESTS if any(mark in path.read_text() for mark in marks)] == []


def test_no_test_sleeps_to_be_in_time() -> None:
    # To sleep for 0 is to let other greenlets run: no time is waited for.
    sleepers = {
        f"{shown(path)}:{node.lineno}"
        for path in TESTS
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"time.sleep", "sleep", "gevent.sleep"}
        and [ast.unparse(argument) for argument in node.args] not in ([], ["0"])
    }

    assert sleepers == set()


FLOORS = {
    "sozu.parsers": {"sozu.command", "sozu.master", "sozu.proxy", "sozu.cli"},
    "sozu.command": {"sozu.master", "sozu.proxy", "sozu.cli", "gevent"},
    "sozu.master": {"sozu.proxy", "sozu.cli"},
    "sozu.proxy": {"sozu.master", "sozu.cli"},
}


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_a_file_imports_its_own_floor_or_one_below(path: Path) -> None:
    name = module_name(path)
    forbidden = {above for floor, walls in FLOORS.items() if f"{name}.".startswith(f"{floor}.") for above in walls}

    assert imports_any(path, forbidden) == set()


def test_of_the_command_line_only_serve_sees_a_wing() -> None:
    seen = {shown(path): imports_any(path, {"sozu.master", "sozu.proxy"}) for path in SOURCES if path.is_relative_to(ROOT / "sozu" / "cli")}

    # `announcing` tells what serve has started, `heir` follows it; the other wing is only ever run as a process of its own.
    allowed = {f"sozu/cli/{name}.py" for name in ("processes/starting", "announcing", "processes/heir", "processes/programs")}
    assert {path for path, names in seen.items() if names} <= allowed
    assert not any(name.startswith("sozu.proxy") for names in seen.values() for name in names)


def test_no_client_verb_imports_what_starts_slowly() -> None:
    slow = {"gevent", "yaml", "rich", "sozu.command.config"}
    # These read or write a configuration file or a certificate, or serve.
    exempt = {"starting", "check", "demo_backends", "target", "export", "reading"}
    files = [path for path in SOURCES if path.is_relative_to(ROOT / "sozu" / "cli") and path.stem not in exempt]

    assert {shown(path): found for path in files if (found := imports_any(path, slow))} == {}


def test_of_our_own_only_what_examines_certificates_is_imported_inside_a_function() -> None:
    inside = {
        (shown(path), function.name)
        for path in SOURCES
        for function in ast.walk(parsed(path))
        if isinstance(function, Function)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sozu")
    }

    assert inside == {("sozu/command/certificates/admitting.py", "complete")}


def test_nothing_is_monkey_patched() -> None:
    assert [shown(path) for path in SOURCES if "gevent.monkey" in path.read_text()] == []


def test_every_ignored_lint_rule_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    ignored = tomllib.loads(text)["tool"]["ruff"]["lint"]["ignore"]
    argued = {
        rule
        for line in text.splitlines()
        if "#" in line
        for rule in (word.strip('", ') for word in line.split("#")[0].split(","))
    }

    # A rule argued in a group stands on the group's line.
    assert set(ignored) <= argued
