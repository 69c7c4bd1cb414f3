r"""Bytes written as text on one line, as tables and terminals need them: \r \n \t \0 \\ and \xNN stand for what one thinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sozu.parsers.abnf import HEXDIG
from sozu.parsers.combinators import alt, many, map_, value
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import none_of, tag, take_while_m_n
from sozu.parsers.whole import whole

if TYPE_CHECKING:
    from sozu.parsers.result import Error

# The backslash is among them: else `\n` typed as two characters and a line feed would look the same, and corpora could not be read back.
NAMES: Final = {b"\r": b"r", b"\n": b"n", b"\t": b"t", b"\0": b"0", b"\\": b"\\"}
VISIBLE: Final = range(0x20, 0x7F)

# text   = *( char / escape )                                       ; char: any byte but "\"
# escape = "\" ( "r" / "n" / "t" / "0" / "\" / "x" 2HEXDIG )
named = alt(*(value(byte, tag(name)) for byte, name in NAMES.items()))
hexadecimal = tag(b"x") >> map_(take_while_m_n(2, 2, HEXDIG), lambda digits: bytes([int(digits, 16)]))
# No name is an "x", so one byte decides and the whole text is one match: corpora have hundreds of lines, each of which is read like this.
escape = tag(b"\\") >> alt(named, hexadecimal)
TEXT: Final = fuse(map_(many(alt(none_of(b"\\"), escape)), b"".join))


def escaped(data: bytes) -> str:
    """One line of ASCII; `unescaped` gives the bytes back."""
    # ASCII whatever comes: an input may hold a terminal's escape sequences, and what is shown of an attack must not act on who looks at it.
    return "".join(map(visible, data))


def visible(byte: int) -> str:
    """One byte."""
    name = NAMES.get(bytes([byte]))
    if name:
        return "\\" + name.decode()
    # Two digits always, for the byte behind it may be a digit itself.
    return chr(byte) if byte in VISIBLE else f"\\x{byte:02x}"


def unescaped(text: str) -> bytes:
    """The bytes that the text stands for. Raises ValueError at a backslash that begins no escape."""
    # One character a byte. What is above U+00FF stands for no byte: UnicodeEncodeError, which is a ValueError as well.
    found: bytes | Error = whole(TEXT, text.encode("latin-1"))
    if isinstance(found, bytes):
        return found
    raise ValueError(f"{text!r}: {found}")
