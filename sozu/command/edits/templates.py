"""Texts with places for what a request says: `https://{host}{path}{query}`. Two braces mean one."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sozu.command.nearest import did_you_mean
from sozu.parsers.abnf import ALPHA
from sozu.parsers.combinators import alt, many, map_, value
from sozu.parsers.leaves import tag, take_while1
from sozu.parsers.result import Error
from sozu.parsers.tree import EVERY_BYTE
from sozu.parsers.whole import whole


class BadTemplate(ValueError):
    """Not a template; the text says why and what would be one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is to be filled in."""

    name: str


Part = bytes | Place

# template = *( text / "{{" / "}}" / "{" name "}" )
# A brace that is not doubled is an error and no text: `{hots}` or a lone `{` would else be sent to clients as it stands.
text = take_while1(EVERY_BYTE - frozenset(b"{}")).desc("text")
place = map_(tag(b"{") >> take_while1(ALPHA + b"_").desc("name") << tag(b"}"), lambda name: Place(name.decode()))
template = many(alt(text, value(b"{", tag(b"{{")), value(b"}", tag(b"}}")), place))


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read; its places have names that its user knows."""

    parts: tuple[Part, ...]

    def fill(self, values: Mapping[str, bytes], escape: Callable[[bytes], bytes] = bytes) -> bytes:
        """The text with these values, each escaped, in its places."""
        # Only what is filled in is escaped, and never read as a template again: braces in a path are no places.
        return b"".join(escape(values[part.name]) if isinstance(part, Place) else part for part in self.parts)


# The proxy asks for each page that it fills. The configuration chooses what is in here, no client does.
@lru_cache(maxsize=1024)
def read_template(written: str, names: Collection[str]) -> Template:
    """The template. Raises BadTemplate; `names` are those of the places that there are (a tuple: it has to be hashable)."""
    parts = whole(template, written.encode())
    if isinstance(parts, Error):
        expected = ", ".join(sorted(parts.expected))
        raise BadTemplate(f"byte {parts.position + 1}: expected {expected}; a brace itself is written twice")
    for part in parts:
        # Asked here and not when it is filled: an unknown place would be a KeyError in the middle of an answer.
        if isinstance(part, Place) and part.name not in names:
            known = ", ".join(f"{{{name}}}" for name in names)
            raise BadTemplate(f'there is no place "{{{part.name}}}"{did_you_mean(part.name, names)}; there are {known}')
    return Template(tuple(parts))
