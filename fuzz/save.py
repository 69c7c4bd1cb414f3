"""Shrink a failing input and keep it: python -m fuzz.save KIND FILE [NAME] [--why TEXT]

FILE is what a fuzzer left behind, or "-" for standard input. While any property of fuzz/properties.py still fails, bytes are left out and simplified; the
smallest such input is written to fuzz/corpus/KIND/NAME, and beside it the verdict that it gets today: correct that by hand if it is the bug.
An input that fails no property is kept as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from fuzz.corpora import CORPUS
from fuzz.properties import check
from sozu.parsers.console.verdicts import Verdict, judge
from sozu.parsers.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PLAIN = b"abcdefghijklmnopqrstuvwxyz0123456789"


def failure(kind: str, data: bytes) -> str | None:
    """The type of what goes wrong, or None."""
    try:
        check(kind, data)
    except Exception as error:  # noqa: BLE001 - any exception at all is what is looked for
        return type(error).__name__
    return None


def shrunk(data: bytes, still_fails: Callable[[bytes], bool]) -> bytes:
    """The smallest input that this finds: leave out halves, quarters… single bytes, then make bytes plain, until nothing helps."""
    while True:
        smaller = next((candidate for candidate in simpler(data) if still_fails(candidate)), None)
        if smaller is None:
            return data
        data = smaller


def simpler(data: bytes) -> Iterator[bytes]:
    """Candidates, the boldest first."""
    size = len(data) // 2
    while size:
        for at in range(0, len(data), size):
            yield data[:at] + data[at + size :]
        size //= 2
    for at, byte in enumerate(data):
        if byte not in PLAIN:
            yield data[:at] + b"a" + data[at + 1 :]


def expectation(verdict: Verdict | None, why: str) -> dict[str, Any]:
    """What goes into the file beside the input; a verdict that could not be had is left for a human."""
    if verdict is None:
        return {"answer": "refuse", "why": f"{why} (no verdict yet: judging it fails)"}
    facts = {"answer": str(verdict.answer), "position": verdict.position, "reason": verdict.reason, "why": why}
    return {name: value for name, value in facts.items() if value is not None}


def saved(kind: str, data: bytes, name: str | None, why: str, corpus: Path = CORPUS) -> Path:
    """Write both files; the name is made of the content unless one is given."""
    path = corpus / kind / (name or f"found-{hashlib.sha256(data).hexdigest()[:12]}.bin")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        verdict = judge(kind, data)
    except Exception:  # noqa: BLE001 - the bug may be just this
        verdict = None
    path.write_bytes(data)
    path.with_name(path.name + ".json").write_text(json.dumps(expectation(verdict, why), indent=1) + "\n")
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.save", description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS), metavar="KIND")
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("--why", default="found by fuzzing")
    options = parser.parse_args(argv)
    try:
        data = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
    except OSError as error:
        parser.error(f"{options.file}: {error.strerror}")
    fault = failure(options.kind, data)
    if fault is not None:
        data = shrunk(data, lambda candidate: failure(options.kind, candidate) == fault)
    path = saved(options.kind, data, options.name, options.why)
    sys.stdout.write(f"{path}: {len(data)} bytes, {fault or 'no property fails'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
