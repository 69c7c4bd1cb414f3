"""What good and bad answers in a row mean: `fall` bad ones take a backend out, `rise` good ones bring it back. Pure."""

from sozu.command.terms import Health


class Verdict:
    """About one backend; `up` until there is reason for another opinion."""

    __slots__ = ("_against", "up")

    def __init__(self, *, up: bool = True) -> None:
        self.up = up
        self._against = 0  # answers in a row that speak against it

    def hear(self, well: bool, health: Health) -> bool:  # noqa: FBT001 - the answer is what this is about
        """One more answer. Has the verdict changed?"""
        if well is self.up:
            # In a row, not in all: otherwise a lost packet a day would take every backend out in the end.
            self._against = 0
            return False
        self._against += 1
        if self._against < (health.rise if well else health.fall):
            return False
        self._against = 0
        self.up = well
        return True
