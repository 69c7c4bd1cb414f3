"""Which connections are passed on unopened: by the name that their ClientHello asks for. Immutable; `after` gives the next table. Pure.

As with requests the most specific hostname is asked first, and one for the listener alone before one for all of them. A name that a frontend without
`passthrough` has is opened here, unless a passthrough is as specific: so `*.example.com` may be passed on, and `www.example.com` served. Passthroughs
that name no listener are for those that speak https; a tcp listener has its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sozu.command.certificates.names import patterns
from sozu.command.draft import Change
from sozu.command.facts import Frontend

EVERY_HOST = "*"


@dataclass(frozen=True, slots=True)
class PassingTable:
    """Frontends by (listener or "", hostname); `own`: the listeners that some name."""

    frontends: Mapping[tuple[str, str], Frontend] = field(default_factory=dict)
    own: frozenset[str] = frozenset()

    def after(self, changes: Iterable[Change]) -> "PassingTable":
        """The table after some changes; itself, if they regard none of these."""
        # Itself where nothing is relevant: nearly no change is, and the table would be copied for each.
        relevant = [change for change in changes if _is_passed(change.before) or _is_passed(change.after)]
        if not relevant:
            return self
        frontends = dict(self.frontends)
        for change in relevant:
            match change:
                case Change(after=Frontend() as come):
                    frontends[_place(come)] = come
                # Behind the arm for what came: a change with both sides is new settings under the same key, and its place stays.
                case Change(before=Frontend() as gone):
                    del frontends[_place(gone)]
        return PassingTable(frontends, frozenset(listener for listener, _ in frontends if listener))

    def find(self, listener: str, name: str | None, *, shared: bool, is_served: Callable[[str], bool]) -> Frontend | None:
        """Who gets a connection that asks for this name, in lower case, or for none; None if it is for us.

        `shared`: are those meant that name no listener? `is_served` tells hostnames that requests may be for.
        """
        # The most specific first, for both kinds at once. Were passthroughs looked through before served names, `*.example.com` would take
        # `www.example.com` from the certificate that it has here.
        for pattern in (*(patterns(name) if name else ()), EVERY_HOST):
            found = self.frontends.get((listener, pattern)) or (self.frontends.get(("", pattern)) if shared else None)
            if found is not None or (pattern != EVERY_HOST and is_served(pattern)):
                return found
        return None


def _is_passed(fact: object) -> bool:
    return isinstance(fact, Frontend) and fact.passthrough


def _place(frontend: Frontend) -> tuple[str, str]:
    return frontend.listener or "", frontend.hostname
