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

NAMES: Final = {b"\r": b"r", b"\n": b"n", b"\t": b"t", b"\0": b"0", b"\\": b"\\"}
VISIBLE: Final = range(0x20, 0x7F)

# text   = *( char / escape )                                       ; char: any byte but "\"
# escape = "\" ( "r" / "n" / "t" / "0" / "\" / "x" 2HEXDIG )
named = alt(*(value(byte, tag(name)) for byte, name in NAMES.items()))
hexadecimal = tag(b"x") >> map_(take_while_m_n(2, 2, HEXDIG), lambda digits: bytes([int(digits, 16)]))
escape = tag(b"\\") >> alt(named, hexadecimal)
TEXT: Final = fuse(map_(many(alt(none_of(b"\\"), escape)), b"".join))


def escaped(data: bytes) -> str:
    """One line of ASCII; `unescaped` gives the bytes back."""
    return "".join(map(visible, data))


def visible(byte: int) -> str:
    """One byte."""
    name = NAMES.get(bytes([byte]))
    if name:
        return "\\" + name.decode()
    return chr(byte) if byte in VISIBLE else f"\\x{byte:02x}"


def unescaped(text: str) -> bytes:
    """The bytes that the text stands for. Raises ValueError at a backslash that begins no escape."""
    found: bytes | Error = whole(TEXT, text.encode("latin-1"))
    if isinstance(found, bytes):
        return found
    raise ValueError(f"{text!r}: {found}")
