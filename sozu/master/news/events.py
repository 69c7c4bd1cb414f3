"""The events of this master, the last ten thousand of them, and who waits for the next.

What the master's log tells as `event=NAME key=value` is an event of that kind: one word for one thing, and nobody has to tell it twice.
What is no matter for a log is told by `happened`. Neither waits nor switches greenlets.
"""

from collections import deque
from collections.abc import Iterator, Sequence
import logging
import re
from time import time
from typing import Any, Final

from gevent.event import Event as Bell
import msgspec

from sozu.command.events import Event

# A bound for the memory, and for upgrades: all of them go through the estate.
KEPT: Final = 10_000
# As `%r` writes them: in quotes of either kind, with escapes, or else up to the next blank.
_PAIRS = re.compile(r"(\w+)=('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\S*)")


class Events:
    """Numbered from 1; an upgrade of the master goes on with the numbers."""

    def __init__(self) -> None:
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._last = 0
        self._bell = Bell()

    @property
    def last(self) -> int:
        """The number of the last one; 0 before the first."""
        return self._last

    @property
    def first(self) -> int:
        """The number of the first one that is still known."""
        return self._last - len(self._kept) + 1

    def happened(self, kind: str, message: str, **data: Any) -> None:
        """One more."""
        self._last += 1
        self._kept.append(Event(number=self._last, when=time(), kind=kind, message=message, data=data))
        # It wakes whoever waits and switches to nobody: this is called in the hub as well, where the end of a worker is
        # logged.
        self._bell.set()

    def all(self) -> list[Event]:
        """Those that are known, for the master that follows this one."""
        return list(self._kept)

    def resume(self, earlier: Sequence[Event]) -> None:
        """Go on with the numbers of those that another master has told; what happened here already comes after them."""
        own = self.all()
        self._kept.clear()
        self._kept.extend(earlier)
        self._last = earlier[-1].number if earlier else 0
        # Behind the others: numbers never go back, so a tool that asks for what came after the last one it knows misses
        # nothing.
        for event in own:
            self._last += 1
            self._kept.append(msgspec.structs.replace(event, number=self._last))

    def after(self, number: int) -> list[Event]:
        """Those that are known with a greater number."""
        # Numbers have no gaps, so a number is a place, and nobody has to look through ten thousand to find what is new.
        count = min(self._last - number, len(self._kept))
        return [self._kept[place] for place in range(len(self._kept) - count, len(self._kept))] if count > 0 else []

    def follow(self, number: int) -> Iterator[list[Event]]:
        """Those after this number in portions, without end: waits where there is none. What was lost meanwhile is missing in the numbers."""
        while True:
            # Before the look. After it, this would silence what has happened since, and who follows would sleep through
            # an event.
            self._bell.clear()
            some = self.after(number)
            if some:
                number = some[-1].number
                yield some
            else:
                self._bell.wait()


class EventLog(logging.Handler):
    """Makes events of log lines."""

    def __init__(self, events: Events) -> None:
        # Whatever `log_level` says: that decides what is shown, and an event is one for those who ask for events.
        super().__init__(logging.INFO)
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it, if it is one."""
        pairs = {key: value.strip("'\"") for key, value in _PAIRS.findall(record.getMessage())}
        kind = pairs.pop("event", "")
        if kind:
            self._events.happened(kind, record.getMessage().partition(" ")[2] or kind, **pairs)
