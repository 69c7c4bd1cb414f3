r"""python -m sozu.parsers: read bytes with any grammar of this package and see what it makes of them.

    printf 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' | python -m sozu.parsers request
    python -m sozu.parsers chunked body.bin                 one JSON object; exit 0 done, 1 error, 2 incomplete, 3 not run
    python -m sozu.parsers request --all capture.http       message after message with their bodies, one object a line
    python -m sozu.parsers uri --split 1 target.txt         what the grammar says of each beginning
    python -m sozu.parsers check requests/*.http            one verdict a file, for your own tests
    python -m sozu.parsers explain request                  syntax tree, fused pattern, certificate, generated code
    python -m sozu.parsers bench                            what one parse of each sample costs

FILE is standard input if it is left out or "-". Input is read in blocks and never held as a whole; `check` holds one file at a time.
Each KIND has a sample for you: python -m sozu.parsers KIND --help
"""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from io import BufferedIOBase
import json
from pathlib import Path
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NoReturn

from sozu.parsers.console.anatomy import explained
from sozu.parsers.console.escapes import escaped
from sozu.parsers.console.reports import every, first, steps
from sozu.parsers.console.verdicts import Answer, judge
from sozu.parsers.fuse import fuse
from sozu.parsers.fusion.analysis import clashes
from sozu.parsers.kinds import KINDS, SAMPLES, StrictHead
from sozu.parsers.regular import Regular
from sozu.parsers.result import Complete, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from parsy import Parser

BLOCK: Final = 64 * 1024
# Distinct for scripts: 2 says "send more", 1 "never". argparse's own 2 for a wrong command line would be read as the former.
EXIT_CODES: Final = {"done": 0, "error": 1, "incomplete": 2}
VERDICT_CODES: Final = {Answer.ACCEPT: 0, Answer.INCOMPLETE: 2, Answer.REFUSE: 1}
NOT_RUN: Final = 3  # nothing is known about the input
# Long enough that the clock's grain and the loop around it do not count, short enough for all samples in a few seconds.
ROUND: Final = 0.02  # seconds
ROUNDS: Final = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb; the exit code is returned."""
    options = arguments().parse_args(argv)
    verb: Callable[[argparse.Namespace], int] = options.verb
    try:
        return verb(options)
    # A file that is not there, a full disk, a pipe that nobody reads: the caller's world, not a fault of ours, so a line and no traceback.
    except OSError as error:
        sys.stderr.write(f"sozu.parsers: {error.filename or 'standard input or output'}: {error.strerror}\n")
        return NOT_RUN


class Arguments(argparse.ArgumentParser):
    """argparse ends a wrong command line with 2, which would read as Incomplete here."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how it is said right."""
        self.print_usage(sys.stderr)
        self.exit(NOT_RUN, f"{self.prog}: error: {message}\n")


def arguments() -> argparse.ArgumentParser:
    """The command line: each KIND is a verb, and so are explain, bench and check."""
    parser = Arguments(
        prog="python -m sozu.parsers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(
        required=True, metavar="KIND | explain | bench | check", title=f"KIND is one of {', '.join(KINDS)}"
    )
    for kind in KINDS:
        description = f"Read {kind} from FILE or standard input, print JSON.\n\n{sample(kind)}"
        reader = verbs.add_parser(kind, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        reader.add_argument("file", nargs="?", default="-", metavar="FILE", help="standard input if left out or -")
        how = reader.add_mutually_exclusive_group()
        how.add_argument("--all", action="store_true", help="value after value, one object a line")
        how.add_argument("--split", type=positive, metavar="N", help="show the outcome for each N bytes more")
        reader.set_defaults(verb=read_file, kind=kind)
    explainer = verbs.add_parser("explain", description="Show what a grammar is made of and what it fuses to.")
    explainer.add_argument("kind", choices=KINDS, metavar="KIND")
    explainer.set_defaults(verb=explain_kind)
    bench = verbs.add_parser(
        "bench",
        description="Time one parse of each sample, in microseconds: as one pattern, and by combinators. "
        'What no single pattern can say has "-"; fused parts of it stay fused.',
    )
    bench.add_argument("kinds", nargs="*", metavar="KIND", type=known)
    bench.set_defaults(verb=bench_kinds)
    checker = verbs.add_parser(
        "check",
        description="One verdict a file. Exit 1 if one is refused, else 2 if one is incomplete or cannot be read.",
    )
    checker.add_argument("files", nargs="+", metavar="FILE", help="- is standard input")
    checker.add_argument(
        "--kind", choices=KINDS, metavar="KIND", default="request", help="what the files hold (request)"
    )
    checker.set_defaults(verb=check_files)
    return parser


def sample(kind: str) -> str:
    """A command that reads the sample, in the words of bash (which gives '%' and "'" a meaning)."""
    text = escaped(SAMPLES[kind]).replace("%", "%%").replace("'", "\\x27")
    return f"    printf '{text}' | python -m sozu.parsers {kind}"


def positive(text: str) -> int:
    """An argument that is a number above 0."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def known(text: str) -> str:
    """An argument that names a kind; where there may be none of them, argparse's choices do not work."""
    if text not in KINDS:
        raise argparse.ArgumentTypeError(f"there is no {text!r}")
    return text


def read_file(options: argparse.Namespace) -> int:
    """`KIND [FILE]`."""
    with opened(options.file) as stream:
        # read1 gives what is there: from a pipe the outcome of the first message is shown when that has come, and not when 64 KB have.
        blocks = iter(lambda: stream.read1(BLOCK), b"")
        if options.all:
            return worst(printed(every(options.kind, blocks)))
        reports = steps(options.kind, blocks, options.split) if options.split else first(options.kind, blocks)
        return printed(reports)[-1]


def say(text: object) -> None:
    """One line, or more, of output."""
    sys.stdout.write(f"{text}\n")


def opened(name: str) -> AbstractContextManager[BufferedIOBase]:
    """The file, or standard input, which stays open."""
    if name != "-":
        return Path(name).open("rb")
    assert isinstance(sys.stdin.buffer, BufferedIOBase)
    # Not closed by `with`: standard input is the interpreter's, and `check - -` would find it shut.
    return nullcontext(sys.stdin.buffer)


def printed(reports: Iterator[dict[str, Any]]) -> list[int]:
    """Print each report, and the caret of an error for human eyes; an exit code for each. Where there is nothing, it is all still to come."""
    codes = []
    for report in reports:
        # JSON to standard output and the caret to standard error: a program may read the one while a person sees the other.
        say(json.dumps(report))
        if "caret" in report:
            expected = " or ".join(report["expected"])
            sys.stderr.write(f"error at byte {report['position']}: expected {expected}\n{report['caret']}\n")
        codes.append(EXIT_CODES[report["outcome"]])
    # An empty input says nothing wrong; a script that waits for a value has to be told that there was none.
    return codes or [EXIT_CODES["incomplete"]]


def worst(codes: Iterable[int]) -> int:
    """One error makes it an error; else something that is missing makes it incomplete."""
    found = set(codes)
    # By what is worse, not by number: max() would let a message that is cut hide one that is wrong.
    return next(code for code in (1, 2, 0) if code in found)


def check_files(options: argparse.Namespace) -> int:
    """`check FILE…`: files are judged one at a time and as wholes."""
    return worst([check_file(options.kind, name) for name in options.files])


def check_file(kind: str, name: str) -> int:
    """The exit code for one file. Of one that cannot be read nothing is known: it counts as incomplete."""
    try:
        with opened(name) as stream:
            data = stream.read()
    except OSError as error:
        sys.stderr.write(f"sozu.parsers: {name}: {error.strerror}\n")
        return VERDICT_CODES[Answer.INCOMPLETE]
    verdict = judge(kind, data)
    where = "" if verdict.position is None else f" at byte {verdict.position}"
    say(f"{name}: {verdict.answer}{where}{f' ({verdict.reason})' if verdict.reason else ''}")
    return VERDICT_CODES[verdict.answer]


def explain_kind(options: argparse.Namespace) -> int:
    """`explain KIND`."""
    say(explained(options.kind))
    return 0


def grammar_of(kind: str) -> Parser:
    """The grammar without the rules around it."""
    parser = KINDS[kind]
    return parser.head if isinstance(parser, StrictHead) else parser


def bench_kinds(options: argparse.Namespace) -> int:
    """`bench [KIND…]`: the best of several rounds, fused where the grammar allows, and by combinators."""
    say(f"{'':20}{'bytes':>8}{'us fused':>10}{'us combined':>14}")
    for kind in options.kinds or sorted(SAMPLES):
        # Complete, or samples whose end is open would be timed as Incomplete. The rules of the proxy are left out: they are not a grammar's cost.
        grammar, data = grammar_of(kind), Complete(SAMPLES[kind])
        quick, by_steps = "-", grammar
        if isinstance(grammar, Regular):
            # A fused grammar would be run by C under either heading: made anew from its tree it has the slow reading only.
            by_steps = Regular[Any](grammar.tree)
            quick = "-" if any(clashes(grammar.tree)) else f"{microseconds(fuse(grammar).fused, data):.2f}"
        say(f"{kind:20}{len(data):8}{quick:>10}{microseconds(run, by_steps, data):14.2f}")
    return 0


def microseconds(call: Callable[..., object], *arguments: object) -> float:
    """What one call costs, in the best of several rounds."""
    times = 1
    # Doubling finds how many calls fill a round on this machine, and warms up caches and lazily compiled patterns at the same time.
    while (spent := timed(call, arguments, times)) < ROUND:
        times *= 2
    # The best and not the mean: whatever disturbs a measurement makes it longer.
    return min(spent, *(timed(call, arguments, times) for _ in range(ROUNDS))) / times * 1e6


def timed(call: Callable[..., object], arguments: tuple[object, ...], times: int) -> float:
    """Seconds for so many calls."""
    started = perf_counter()
    for _ in range(times):
        call(*arguments)
    return perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
