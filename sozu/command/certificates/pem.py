"""PEM: the blocks in a text, with the lines on which they stand (RFC 7468, read as leniently as its section 2 allows).

What is outside of blocks is explanatory text and is ignored. The lines of a block are never shown in a message: they may be a key's.
"""

from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Iterator
from dataclasses import dataclass

BEGIN, END, DASHES = "-----BEGIN ", "-----END ", "-----"
MOST_BLOCKS = 64  # a chain has three, as a rule


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is wrong: in which text, on which line (0: in the whole), and the line itself where it holds no secret."""

    source: str
    message: str
    expected: str = ""
    line: int = 0
    text: str = ""

    def __str__(self) -> str:
        """In one line, as an answer on the command socket says it."""
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place}: {self.message}" + (f" (expected {self.expected})" if self.expected else "")


class BadCertificate(Exception):
    """What was given is no certificate that could be served; `flaws` say why. None shows a line of a key."""

    def __init__(self, *flaws: Flaw) -> None:
        super().__init__("; ".join(map(str, flaws)))
        self.flaws = flaws


@dataclass(frozen=True, slots=True)
class Source:
    """A text, and what messages call it: a file's name, or the field of an order."""

    name: str
    text: str

    def __repr__(self) -> str:
        """Without the text, which may hold a key."""
        return f"Source({self.name!r})"


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its label (`CERTIFICATE`, `PRIVATE KEY`), its headers, its bytes, and where it begins."""

    label: str
    headers: tuple[str, ...]
    content: bytes
    source: Source
    line: int

    def __repr__(self) -> str:
        """Without the content, which may be a key."""
        return f"Block({self.label!r}, {self.source.name}:{self.line})"

    def flaw(self, message: str, expected: str = "") -> Flaw:
        """Something that is wrong with it, pointing at its first line."""
        return _flaw_of_block(self.source, self.line, self.label, message, expected)


def _flaw_of_block(source: Source, line: int, label: str, message: str, expected: str = "") -> Flaw:
    """Shows the line on which a block begins: it holds no secret."""
    return Flaw(source.name, message, expected, line, f"{BEGIN}{label}{DASHES}")


def read_blocks(source: Source) -> list[Block]:
    """All blocks of a text. Raises BadCertificate at the first that is broken."""
    blocks = []
    # One iterator for both loops: `_read_block` goes on where this one stands and leaves it behind its END line, so each line is
    # looked at once. `splitlines` takes CRLF, CR and LF, as RFC 7468 section 3 does.
    lines = iter(enumerate(source.text.splitlines(), 1))
    for number, line in lines:
        text = line.strip()
        label = text[len(BEGIN) : -len(DASHES)]
        # Whatever is not quite such a line is explanatory text. A label that may hold anything would make any line of dashes begin
        # a block.
        if text == f"{BEGIN}{label}{DASHES}" and label.isascii() and label.replace(" ", "").isalnum():
            blocks.append(_read_block(source, number, label, lines))
            # Each certificate costs a parse, and each pair a signature check perhaps: a message of 2 MiB holds thousands.
            if len(blocks) > MOST_BLOCKS:
                raise BadCertificate(Flaw(source.name, f"more than {MOST_BLOCKS} blocks", line=number))
    return blocks


def _read_block(source: Source, begin: int, label: str, lines: Iterator[tuple[int, str]]) -> Block:
    inside: list[str] = []
    for _, line in lines:
        text = line.strip()
        if text == f"{END}{label}{DASHES}":
            return _decoded(source, begin, label, inside)
        # base64 has no "-": this is the beginning or the end of another block. Read on to the END line that fits, and the key of
        # the next block would be taken for a part of this one.
        if text.startswith(DASHES):
            break
        inside.append(text)
    raise BadCertificate(_flaw_of_block(source, begin, label, "this block is cut short", f'"{END}{label}{DASHES}"'))


def _decoded(source: Source, begin: int, label: str, inside: list[str]) -> Block:
    # RFC 7468 section 2 has no headers, but OpenSSL's older encrypted keys do (RFC 1421). The colon tells: base64 has none.
    headers = tuple(line for line in inside if ":" in line)
    try:
        # Without `validate` Python drops what is not of the alphabet: a damaged certificate would become other bytes, and the
        # message one about ASN.1.
        content = b64decode("".join(line for line in inside if ":" not in line), validate=True)
    except (BadBase64, ValueError):
        content = b""
    # An empty block is damaged as well: nothing of it could be said further on, not even what is wrong with it.
    if not content:
        raise BadCertificate(_flaw_of_block(source, begin, label, "this block is damaged", "base64"))
    return Block(label, headers, content, source, begin)
