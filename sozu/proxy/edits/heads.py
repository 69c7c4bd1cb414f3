"""Changes of heads: field lines set, added and removed; the prefix of a path replaced. Pure."""

from collections.abc import Iterable

from sozu.command.edits.facts import HeaderEdit, Hsts
from sozu.parsers.fields.section import without


class LineEdits:
    """What is to be done to the lines of a head, in the order of the configuration."""

    __slots__ = ("_steps",)

    def __init__(self, edits: Iterable[HeaderEdit]) -> None:
        self._steps = [(_cut(edit), _line(edit)) for edit in edits]

    def __bool__(self) -> bool:
        return bool(self._steps)

    def apply(self, section: bytes) -> bytes:
        """The field lines afterwards, each with its CRLF."""
        for cut, line in self._steps:
            if cut:
                # A field that is set goes to the end, wherever it stood: the order of fields with different names means nothing (RFC 9110 section 5.3).
                section = without(section, cut)
            section += line
        return section


def _cut(edit: HeaderEdit) -> frozenset[bytes]:
    name = edit.set if edit.set is not None else edit.remove
    return frozenset() if name is None else frozenset((name.lower().encode(),))


def _line(edit: HeaderEdit) -> bytes:
    name = edit.set if edit.set is not None else edit.add
    return b"" if name is None else b"%b: %b\r\n" % (name.encode(), edit.value.encode())


def hsts_line(hsts: Hsts) -> bytes:
    """Strict-Transport-Security (RFC 6797 section 6.1; `preload` is the browsers' own)."""
    also = (("includeSubDomains", hsts.include_subdomains), ("preload", hsts.preload))
    value = "; ".join([f"max-age={hsts.max_age}", *(name for name, said in also if said)])
    return b"Strict-Transport-Security: %b\r\n" % value.encode()


def below(prefix: bytes, target: bytes) -> bytes:
    """What follows the prefix that took this target, from a slash on, with its query."""
    # The prefix `/` would take the slash of the rest along.
    rest = target[len(prefix.removesuffix(b"/")) :]
    return rest if rest.startswith(b"/") else b"/" + rest


def with_prefix(prefix: bytes, other: bytes, target: bytes) -> bytes:
    """The target with another prefix in place of the one that took it; `*` stays what it is."""
    if not target.startswith(b"/"):
        return target
    rest = target[len(prefix.removesuffix(b"/")) :]
    if rest.startswith(b"/"):
        return other.removesuffix(b"/") + rest
    # A prefix ends where a segment does, so the rest is nothing or a query here.
    return other + rest
