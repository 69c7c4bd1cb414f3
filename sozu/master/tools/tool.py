"""What a verb knows of the tool that asks, and the two ways in which it may end: Final or Declined."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sozu.command.orders import AnyOrder
from sozu.command.requests import AnyRequest
from sozu.master.author import Author


@dataclass(slots=True)
class Tool:
    """One connection: who is at the other end, and the orders of its transaction, if it has begun one."""

    author: Author
    collected: list[AnyOrder] | None = field(default=None)


class CarriedTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool's connection on its way to another master: descriptor, who is there, bytes that were read, its open transaction.

    `asked` is the id of the request that goes on there; every other has had its final answer.
    """

    descriptor: int
    uid: int
    pid: int
    command: str
    # Less than a frame: requests that were whole have been carried out.
    unread: bytes
    # A tool that had to collect ten thousand orders again would have noticed the upgrade.
    collected: list[AnyOrder] | None
    asked: str | None


@dataclass(frozen=True, slots=True)
class Final:
    """What the final OK says."""

    message: str
    data: Any = None


class Declined(Exception):
    """What the final ERROR says: why, and what was left untouched."""

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.data = data


Say = Callable[[str, Any], None]  # one PROCESSING: message and data; may block while the tool does not read
Answering = Callable[[AnyOrder | AnyRequest, Tool, Say], Final]
