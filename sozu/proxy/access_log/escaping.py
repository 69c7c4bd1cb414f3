r"""Texts as a line may show them. What a client sent may hold anything that its grammar allows, and an editor or terminal will show it: every byte
that is not printable ASCII becomes \xNN, in all formats, so that nobody forges lines or colours an operator's screen.
"""

Text = bytes | str | None


def decoded(text: Text) -> str | None:
    """Byte for byte; None for what is absent."""
    if not text:
        return None
    # latin-1 gives each byte the character of its number: nothing fails to decode, as UTF-8 might, and \xNN names the byte that came.
    return text.decode("latin-1") if text.__class__ is bytes else str(text)


def plain(text: Text) -> str | None:
    r"""Printable ASCII as it is, any other byte as \xNN. None for what is absent."""
    shown = decoded(text)
    return None if shown is None else escaped(shown)


def quotable(text: Text) -> str:
    """The same between double quotes, where a quote or backslash of the client's would end or bend the field."""
    # Backslashes first, or those before the quotes would be doubled; `escaped` last, so that its own \xNN stay as they are and can be told
    # from a \x41 that a client has written out.
    return escaped((decoded(text) or "-").replace("\\", "\\\\").replace('"', '\\"'))


def escaped(text: str) -> str:
    """Of a text that may hold anything."""
    # Both: the byte 0xE9 is printable as latin-1 shows it, and the letter would say nothing of what it was.
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isascii() and c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    # Beyond latin-1 there are only names of the configuration: bytes of clients end at 0xFF.
    return character.encode("unicode_escape").decode("ascii") if ord(character) > 0xFF else f"\\x{ord(character):02x}"
