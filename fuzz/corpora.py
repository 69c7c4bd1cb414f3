"""The corpus: one folder for each KIND, in it plain files, and beside each FILE a FILE.json with the verdict that is expected of it.

    fuzz/corpus/chunked/two.bin          the bytes
    fuzz/corpus/chunked/two.bin.json     {"answer": "accept", "why": "two chunks"}; position and reason for a refusal

Where only the end of the input settles a value (kinds.WHOLE_VALUES), `"complete": true` beside the answer says that no more will come.

strict.tsv holds the refusals that matter most as one table: name, kind, input (escaped as in source code), position, reason; and what nginx, llhttp
and h11 make of the same bytes (accept, which includes to wait for more; refuse; or - where the question makes no sense).
"""

from collections.abc import Iterator
from dataclasses import dataclass
import json
from pathlib import Path

from sozu.parsers.console.escapes import unescaped
from sozu.parsers.console.verdicts import ACCEPT, Answer, Verdict, judge, of_outcome
from sozu.parsers.kinds import KINDS
from sozu.parsers.result import Error
from sozu.parsers.whole import whole

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Case:
    name: str
    kind: str
    data: bytes
    verdict: Verdict
    complete: bool = False


def judged(case: Case) -> Verdict:
    """What we make of the case today."""
    if not case.complete:
        return judge(case.kind, case.data)
    found = whole(KINDS[case.kind], case.data)
    return of_outcome(found) if isinstance(found, Error) else ACCEPT


def files() -> Iterator[Case]:
    """The cases in folders."""
    for path in sorted(CORPUS.glob("*/*.json")):
        kind, file = path.parent.name, path.with_suffix("")
        expected = json.loads(path.read_text())
        verdict = Verdict(Answer(expected["answer"]), expected.get("position"), expected.get("reason"))
        yield Case(f"{kind}/{file.name}", kind, file.read_bytes(), verdict, expected.get("complete", False))


def strict() -> Iterator[Case]:
    """The table."""
    for line in (CORPUS / "strict.tsv").read_text().splitlines()[1:]:
        name, kind, text, position, reason, *_ = line.split("\t")
        verdict = Verdict(Answer.REFUSE, int(position), None if reason == "-" else reason)
        yield Case(f"strict/{name}", kind, unescaped(text), verdict)


FILES = list(files())
STRICT = list(strict())
CASES = FILES + STRICT
