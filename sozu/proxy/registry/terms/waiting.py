"""Those that wait until a backend has room: first come, first served. Who waits is a callback; nothing here switches greenlets."""

from collections import deque
from collections.abc import Callable

Wake = Callable[[], object]


class WaitingRoom:
    """`enter` if there is a seat; `call_next` for each place that gets free; `leave` for who gives up."""

    __slots__ = ("size", "waiting")

    def __init__(self, size: int) -> None:
        self.size = size
        self.waiting: deque[Wake] = deque()

    def __len__(self) -> int:
        return len(self.waiting)

    def enter(self, wake: Wake) -> bool:
        """Wait behind the others, unless all seats are taken."""
        # Bounded, because everyone here holds a connection and a greenlet; who finds it full is told 503 at once, and can go elsewhere.
        if len(self.waiting) >= self.size:
            return False
        self.waiting.append(wake)
        return True

    def leave(self, wake: Wake) -> None:
        """Give up. Who was called already, and has not been able to look, hands his turn on."""
        if wake in self.waiting:
            self.waiting.remove(wake)
        else:
            self.call_next()

    def call_next(self) -> None:
        """There may be room for one more."""
        if self.waiting:
            self.waiting.popleft()()

    def call_all(self) -> None:
        """Everybody may look: who finds no room waits again, in the same order."""
        # As many as there are now, whatever a call does: one that entered again at once would make a loop until nobody waits endless.
        for _ in range(len(self.waiting)):
            self.call_next()
