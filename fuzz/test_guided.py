"""The entry points of coverage-guided fuzzing run over the corpus, so that they work when someone needs them."""

from collections.abc import Callable
import importlib.util
from pathlib import Path
import subprocess
import sys

import pytest

from fuzz import atheris_chunked, atheris_request, atheris_response, guided
from fuzz.corpora import CASES

TARGETS: dict[str, Callable[[bytes], None]] = {
    "chunked": atheris_chunked.TestOneInput,
    "request": atheris_request.TestOneInput,
    "response": atheris_response.TestOneInput,
}


@pytest.mark.parametrize("kind", TARGETS)
def test_an_entry_point_finds_nothing_in_the_corpus(kind: str) -> None:
    for case in CASES:
        if case.kind == kind:
            TARGETS[kind](case.data)


@pytest.mark.parametrize("kind", TARGETS)
def test_the_seeds_are_the_cases_without_their_verdicts(kind: str, tmp_path: Path) -> None:
    guided.seeds(kind, tmp_path)

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {case.name.removeprefix(f"{kind}/") for case in CASES if case.name.startswith(f"{kind}/")}


def test_a_module_that_is_merely_imported_is_not_instrumented() -> None:
    with guided.instrumented("fuzz.atheris_request") as nothing:
        assert nothing is None


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_an_entry_point_runs_under_atheris(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "fuzz.atheris_chunked", "-runs=20", f"-artifact_prefix={tmp_path}/"]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)

    assert found.returncode == 0, found.stderr
    assert "Done 20 runs" in found.stderr
