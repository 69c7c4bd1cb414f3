"""How a conversation with the master can fail."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sozu.command.answers import Answer

# The code of an error, not a text that might be put better one day: the client's behaviour hangs on it.
TAKEN_OVER: Final = "taken-over"  # another master goes on: whoever waits may ask it again


class NoMaster(Exception):
    """Nobody answers at any of the `paths` that were tried."""

    def __init__(self, paths: Iterable[Path], why: str = "") -> None:
        self.paths = tuple(paths)
        # Every place that was looked at: most often the master runs, and was started in another folder.
        tried = ", ".join(map(str, self.paths))
        super().__init__(f"no master found at {tried}{f' ({why})' if why else ''}")


class ConnectionLost(Exception):
    """The master closed the connection, or spoke nonsense, before the final answer: whether it acted is not known."""


class RequestRefused(Exception):
    """The final answer was ERROR: the request was refused and has changed nothing."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer

    @property
    def code(self) -> str | None:
        """The stable code of the error, if it has one (`sozu help CODE`)."""
        # Not every refusal has data: what is no frame is answered by a sentence alone.
        return self.answer.data.get("code") if isinstance(self.answer.data, dict) else None
