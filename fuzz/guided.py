"""Coverage-guided fuzzing, for the entry points atheris_*.py: what they share.

    pip install -e '.[fuzz]'
    python -m fuzz.atheris_request -max_total_time=60 [FOLDER]      libFuzzer's options; FOLDER keeps what reached new code

The corpus of this tree is the seed. An input that breaks a property ends the run and is left in a file `crash-…`:
`python -m fuzz.save KIND FILE` shrinks it and keeps it as a case.

Coverage is that of Python code. Fused parsers run in `re`, which has none; so each entry point also reads step by step.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
import shutil
import sys
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = Path(__file__).parent / "corpus"


def instrumented(module: str) -> AbstractContextManager[Any]:
    """Within it, sozu is imported so that it tells atheris where it goes; only in a program that is run to fuzz."""
    if module != "__main__":
        return nullcontext()
    context: AbstractContextManager[Any] = import_module("atheris").instrument_imports(include=["sozu", "parsy"])
    return context


def seeds(kind: str, folder: Path) -> None:
    """Copy the cases of a kind, without their verdicts."""
    for path in sorted((CORPUS / kind).iterdir()):
        if path.suffix != ".json":
            shutil.copy(path, folder)


def fuzz(kind: str, test_one_input: Callable[[bytes], None]) -> None:
    """Run until something fails, or as long as the options on the command line say."""
    atheris = import_module("atheris")
    with TemporaryDirectory() as folder:
        seeds(kind, Path(folder))
        given = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
        options = [argument for argument in sys.argv[1:] if argument.startswith("-")]
        atheris.Setup([sys.argv[0], "-max_len=600", *options, *given, folder], test_one_input)
        atheris.Fuzz()
