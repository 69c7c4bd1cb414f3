"""A slot: what `slots` knows of one permanent number."""

from dataclasses import dataclass, field

from gevent.event import Event
from gevent.lock import BoundedSemaphore

from sozu.master.workers.backoff import Backoff
from sozu.master.workers.roster import Worker


@dataclass(slots=True, eq=False)
class Slot:
    """A permanent number, and the worker that serves under it now."""

    number: int
    worker: Worker | None = None
    filling: bool = False
    borrower: Worker | None = None  # of another slot, that accepts for this one while it is empty
    dropped: bool = False  # nobody serves there any more, and nobody will
    unfit: Worker | None = None  # to be replaced, if it still is the one that serves
    fills: int = 0
    pause: float = 0.0  # seconds to wait before the next attempt
    backoff: Backoff = field(default_factory=Backoff)
    attention: Event = field(default_factory=Event)
    tried: Event = field(default_factory=Event)
    # An upgrade fills slots beside their keepers: who comes second waits, and a keeper then looks whether its slot still
    # wants somebody.
    alone: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(1))  # whoever fills

    @property
    def vacant(self) -> bool:
        """Nobody serves."""
        return self.worker is None or self.worker.process.ended.is_set()

    @property
    def wanting(self) -> bool:
        """A newcomer is needed."""
        return self.vacant or self.worker is self.unfit
