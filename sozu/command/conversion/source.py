"""The upstream file as tables that know which of their keys were read. What was not is a note at the end: nothing is dropped in silence."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from sozu.command.rules.spellings import ID_LIMIT
from sozu.command.texts.flow import in_one_line


class Notes:
    """What has no equal, each with its place in the upstream file; in the order of their finding, each once."""

    def __init__(self) -> None:
        # A dict for a set with an order: what is found at one place again and again, as by each line of a page, is told once.
        self._lines: dict[str, None] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def add(self, place: str, text: str) -> None:
        """One note, of one line whatever it repeats: it is told on a terminal, and in a comment."""
        self._lines[in_one_line(f"{place}: {text}" if place else text)] = None


class Table:
    """One table of the file. `take` reads a key and ticks it off; `leftovers` notes the others."""

    def __init__(self, values: Mapping[str, Any], place: str, notes: Notes) -> None:
        # A copy to tick off from: what is still in it at the end is what nobody has read, and nobody has to keep a list of what there is.
        self._left = dict(values)
        self.place = place
        self.notes = notes

    def take(self, key: str, kind: type | tuple[type, ...] = object, default: Any = None) -> Any:
        """What stands there, if it is of this kind; if it is of another one, that is noted."""
        if key not in self._left:
            return default
        value = self._left.pop(key)
        # In Python `true` is an integer: without the second half `worker_count = true` would be one worker.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool and kind is not object):
            self.note(key, f"{value!r} is not what upstream takes there")
            return default
        return value

    def tables(self, key: str) -> Iterator["Table"]:
        """A list of tables."""
        for number, values in enumerate(self.take(key, list, [])):
            place = f"{self._at(key)}[{number}]"
            if isinstance(values, dict):
                table = Table(values, place, self.notes)
                # What the body of the loop has not taken by its end is noted: who leaves such a loop early drops keys in silence.
                yield table
                table.leftovers()
            else:
                self.notes.add(place, "is not a table")

    def named(self, *keys: str) -> Iterator[tuple[str, "Table"]]:
        """Tables by their names, under any of these keys; no name comes twice."""
        used: set[str] = set()
        for key in keys:
            for name, values in self.take(key, dict, {}).items():
                place = f"{self._at(key)}.{name}"
                if isinstance(values, dict):
                    table = Table(values, place, self.notes)
                    # A name with a blank cannot be a cluster here, and the cluster is the last thing that should be left out for its name.
                    sound = "".join(each if each.isprintable() and each != " " else "-" for each in name[:ID_LIMIT]) or "-"
                    if sound != name:
                        self.notes.add(place, f"a name has 1 to {ID_LIMIT} visible characters here, and no blank: {sound}")
                    # Two names may become one, and either key may have it: the later cluster would take the place of the other in silence.
                    if sound in used:
                        sound = next(filter(lambda other: other not in used, _others(sound)))
                        self.notes.add(place, f"there is another cluster of that name; this one is {sound}")
                    used.add(sound)
                    yield sound, table
                    table.leftovers()
                else:
                    self.notes.add(place, "is not a table")

    def single(self, key: str) -> Iterator["Table"]:
        """One table, if it is there."""
        values = self.take(key, dict)
        if values is not None:
            table = Table(values, self._at(key), self.notes)
            yield table
            table.leftovers()

    def unread(self) -> list[str]:
        """What nobody has read yet."""
        return list(self._left)

    def has(self, key: str) -> bool:
        """Does it stand there, unread?"""
        return key in self._left

    def note(self, key: str, text: str) -> None:
        """Something about this key."""
        self.notes.add(self._at(key), text)

    def explain(self, key: str, text: str) -> Any:
        """Tick off a key that has no equal, and say what to do; the value, if it is there."""
        value = self.take(key)
        # What is switched off there needs no word: that it does not exist here comes to the same.
        if value is not None and value is not False:
            self.note(key, text)
        return value

    def leftovers(self) -> None:
        """Note what nobody has read."""
        for key, value in self._left.items():
            self.note(key, f"has no equal here (it was {value!r})")
        # So that a second call tells nothing: who has read a table to its end may say so, and the generator that lent it says so again.
        self._left.clear()

    def _at(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key


def _others(name: str) -> Iterator[str]:
    """Names like this one, without end."""
    return (f"{name[: ID_LIMIT - len(str(number)) - 1]}-{number}" for number in count(2))
