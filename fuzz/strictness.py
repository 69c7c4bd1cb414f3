"""The strictness page: python -m fuzz.strictness > docs/parsers/strictness.md

Its tables are made of what the program uses (reasons.py, corpus/strict.tsv, differences.py), so that page and program cannot disagree.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from fuzz.corpora import CORPUS
from fuzz.differences import DIFFERENCES
from sozu.parsers.reasons import RULES, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

INTRODUCTION: Final = """\
# Strictness

Two programs that read one stream of bytes in two ways are a hole: what the proxy takes for a body, the origin takes for a request. So these parsers
refuse whatever another program could read otherwise, even where the RFC would let a recipient mend it. Every refusal has a code, a status,
a paragraph and, where a grammar stopped, the offset of the byte. This page is made by `python -m fuzz.strictness` from the tables that the program
and its tests use.

```python
from sozu.parsers.console.verdicts import judge

verdict = judge("request", b"POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: +3\\r\\n\\r\\nabc")
assert (verdict.answer, verdict.position, verdict.reason) == ("refuse", 42, "length-invalid")
```

On the command line: `python -m sozu.parsers request FILE`, `python -m sozu.parsers check FILE…`.

## The rules

A request that breaks a rule gets the status; a response that breaks one becomes 502. The rules about a path hold where it is routed: the
grammars take such a path, `sozu.parsers.heads.plain_path` refuses it.
"""

VECTORS: Final = """
## The vectors

Each line is a test (`fuzz/corpus/strict.tsv`). The byte at the offset is the first that cannot be right; a rule about a whole head counts as broken at its
end. Beside our refusal: what nginx 1.22 (as a proxy), llhttp (by httptools 0.9) and h11 0.16 do with the same bytes, chunked bodies
behind a request head. *yes*: taken, or still waiting; *no*: refused. Each test run measures llhttp and h11 anew; nginx was asked by hand, in
front of an origin (what is no HTTP at all, it takes for the answer of an HTTP/0.9 origin and passes on).
"""

BESIDE_OTHERS: Final = """
## Where h11 and llhttp differ

The corpus, made-up heads and random damage find these differences and no others (`fuzz/test_differential.py`; httptools is llhttp's binding).
What all take, all understand alike.
"""

LENIENT: Final = """
## What is taken though it is odd

| input | why |
| --- | --- |
| one empty line before a request | RFC 9112 2.2 asks servers to ignore it |
| any token as a method | RFC 9110 9.1: what it means is the origin's business |
| `"`, `|`, `[` in a path or query; a lone `%` or a backslash in a query | browsers send them, and every origin takes them; passed on as they came |
| bytes from 0x80 in field values | obs-text, RFC 9110 5.5 |
| an empty Host; a port above 65535 (it is read as 65536) | RFC 9110 7.2 and RFC 3986 3.2.3 allow them; no route will match |
| leading zeros in Content-Length, up to 18 digits in all; in a chunk size, up to 15 | 1\\*DIGIT and 1\\*HEXDIG, RFC 9110 8.6 and RFC 9112 7.1 |
| blanks around the semicolon of a chunk extension | BWS "MUST" be parsed, RFC 9112 7.1.1 |
| a status line without SP and reason | origins in the wild leave them out |
| trailers that make no sense there, as Content-Type | RFC 9110 6.5.1 lets a recipient ignore them; they do not mislead about the end |
"""

YES_NO: Final = {"accept": "yes", "refuse": "no", "-": ""}


def page() -> Iterator[str]:
    """The lines of the page."""
    yield INTRODUCTION
    yield from table("code", "status", "paragraph", "rule")
    for reason in Reason:
        rule = RULES[reason]
        yield row(f"`{reason}`", str(rule.status), rule.section, rule.text)
    yield VECTORS
    yield from table("input", "offset", "code", "paragraph", "nginx", "llhttp", "h11")
    yield from vectors()
    yield BESIDE_OTHERS
    yield from table("we say", "they say", "who", "why")
    for difference in DIFFERENCES:
        yield row(f"`{difference.ours}`", difference.theirs, ", ".join(difference.peers), difference.why)
    yield "\n" + LENIENT.strip("\n")


def vectors() -> Iterator[str]:
    """One line for each vector."""
    for line in (CORPUS / "strict.tsv").read_text().splitlines()[1:]:
        _, kind, text, position, code, *peers = line.split("\t")
        section = "RFC 9112 3.2" if code == "-" else RULES[Reason(code)].section
        shown = f"`` {text} ``" if "`" in text else f"`{text}`"
        yield row(
            shown, position, f"`{kind}`" if code == "-" else f"`{code}`", section, *map(YES_NO.__getitem__, peers)
        )


def table(*titles: str) -> list[str]:
    """The head of a table."""
    return [row(*titles), row(*["---"] * len(titles))]


def row(*cells: str) -> str:
    """One line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def text() -> str:
    """The whole page."""
    return "\n".join(page()) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
