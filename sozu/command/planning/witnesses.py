"""Requests made for a frontend: if one of them comes to it, it lives. Pure.

What a frontend asks is given to each of them; what it leaves open is filled with what nobody asks for. Conditions that something is
absent are the exception: who escapes them has to show it, so requests come with and without each thing that somebody wants absent.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, product

import msgspec

from sozu.command.facts import Frontend, Match
from sozu.command.routing.conditions import BareRequest

_ANY = "any-name"  # stands for what is left open, or this with a number behind it
# 2 to this power, times paths and methods, is how many requests each frontend gets: 16 of a kind at the most.
_MOST_ABSENT = 4  # conditions of absence: their combinations are tried

Witness = tuple[bytes, bytes, BareRequest]  # host, target, the rest
Thing = tuple[str, str]  # header, query or cookie; its name


def absences(frontends: Iterable[Frontend]) -> list[Thing]:
    """Everything that some frontend wants absent."""
    return list(
        # Each once, and in a fixed order: the combinations below are counted by place.
        dict.fromkeys(
            (kind, match.name)
            for frontend in frontends
            for kind, matches in _matches(frontend)
            for match in matches
            if not match.present
        )
    )


def unsaid(frontends: Iterable[Frontend]) -> str:
    """A word that stands in none of these frontends."""
    # One with this very label, or path, would seem to take all that comes to the wildcard above it. In all that they say and not in
    # their conditions alone, so that a new condition need not be named here.
    said = msgspec.json.encode(tuple(frontends)).lower()
    words = chain((_ANY,), (f"{_ANY}-{number}" for number in count(2)))
    return next(word for word in words if word.encode() not in said)


def witnesses(frontend: Frontend, absent: Sequence[Thing], word: str) -> list[Witness] | None:
    """Some requests for this frontend, with the word for what it leaves open; None where none can be made up: an expression says what it takes, not how to make it."""
    asked = [match for _, matches in _matches(frontend) for match in matches]
    # A text that an expression takes could be searched for, but not found for certain.
    if frontend.hostname_regex is not None or frontend.path_regex is not None or any(match.regex is not None for match in asked):
        return None
    own = {(kind, match.name): match for kind, matches in _matches(frontend) for match in matches}
    free = [thing for thing in absent if thing not in own]
    # Given up rather than tried in part: "can never match" must not mean "not in those that we had time for".
    if len(free) > _MOST_ABSENT:
        return None
    given = [(thing, match.value or word) for thing, match in own.items() if match.present]
    return list(_made(frontend, given, free, word))


def _made(frontend: Frontend, given: list[tuple[Thing, str]], free: Sequence[Thing], word: str) -> Iterator[Witness]:
    # One label for the star, as routes read it; a host of more labels would be taken by nobody.
    host = frontend.hostname.replace("*", word).encode()
    methods = frontend.methods or (word.upper(),)
    for path, method, shown in product(_paths(frontend, word), methods, product((False, True), repeat=len(free))):
        things = [*given, *((thing, word) for thing, show in zip(free, shown, strict=True) if show)]
        fields = "".join(f"{name}: {value}\r\n" for (kind, name), value in things if kind == "header")
        cookies = "; ".join(f"{name}={value}" for (kind, name), value in things if kind == "cookie")
        query = "&".join(f"{name}={value}" for (kind, name), value in things if kind == "query")
        fields += f"cookie: {cookies}\r\n" if cookies else ""
        target = f"{path}?{query}" if query else path
        yield host, target.encode(), BareRequest(method.encode(), fields.encode())


def _paths(frontend: Frontend, word: str) -> list[str]:
    if frontend.path_exact is not None:
        return [frontend.path_exact]
    path = frontend.path or "/"
    # The prefix itself and something below it: an exact path of somebody else may take the one and leave the other.
    return [path, f"{path.rstrip('/')}/{word}"]


def _matches(frontend: Frontend) -> tuple[tuple[str, tuple[Match, ...]], ...]:
    return (("header", frontend.headers), ("query", frontend.query), ("cookie", frontend.cookies))
