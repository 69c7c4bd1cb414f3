"""What is put before the ledger: a transaction that somebody waits for, what became of it, and the ways in which it may come to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import time

from gevent.event import AsyncResult

from sozu.command.commit import Commit
from sozu.command.journal import Record
from sozu.command.orders import AnyOrder
from sozu.master.aims import Aim
from sozu.master.author import Author
from sozu.master.publication import Publication  # noqa: TC001 - of an annotation in quotes, since gevent's class takes no type at run time
from sozu.master.sockets import Staging


class Outdated(Exception):
    """Another revision than `if_revision` is in force."""


class NotWritten(Exception):
    """The journal took no record."""


class NothingToDo(Exception):
    """The configuration is what it was to become; no revision was made."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A transaction that somebody waits for. With `if_any` it is none where there is nothing to do."""

    aim: Aim
    author: Author
    if_revision: int | None
    if_any: bool = False
    outcome: "AsyncResult[Publication]" = field(default_factory=AsyncResult)


@dataclass(frozen=True, slots=True)
class Entry:
    """A proposal that was found good, ready to be written; its new listeners are open."""

    proposal: Proposal
    orders: Sequence[AnyOrder]
    commit: Commit
    staging: Staging

    @property
    def record(self) -> Record:
        """What the journal keeps of it."""
        author = self.proposal.author
        return Record(
            revision=self.commit.revision,
            when=time(),
            uid=author.uid,
            pid=author.pid,
            command=author.command,
            orders=tuple(self.orders),
            from_file=author.from_file,
        )
