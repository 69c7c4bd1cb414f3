"""Exchanges that came through frontends that were removed while they ran: who removed one may wait until the last of them has ended.

Nothing is counted on the way of a request; a tunnel knows its frontend. When frontends go, the sessions that are at work are looked at once, and the table of routes that was in force
till then says whose their requests were.
"""

from collections.abc import Collection

from sozu.command.routes import RouteTable
from sozu.command.state import FrontendKey
from sozu.parsers.heads.plain_path import plain_target
from sozu.parsers.reasons import Reason
from sozu.parsers.views import RequestView
from sozu.proxy.forwarding import asked_for, hostname
from sozu.proxy.session import Session
from sozu.proxy.traffic import Traffic
from sozu.proxy.tunnel import TunnelSession


class Leaving:
    """The exchanges of a worker's removed frontends. `look` is called by the worker's tick."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        # With its request, since a session outlives it: the next request on the same connection is another frontend's, and must not be waited for.
        self._left: dict[FrontendKey, list[tuple[Session, RequestView]]] = {}

    def note(self, removed: Collection[FrontendKey], routes: RouteTable) -> None:
        """These frontends have gone; `routes` is the last table that had them."""
        # A request does not remember its frontend: that would be a word for each, kept for the rare removal. The old table is asked once more instead.
        at_work = [each for each in self._traffic.sessions if isinstance(each, Session)] if removed else []
        for session in at_work:
            view = session.request
            key = None if view is None else self._frontend_of(view, session.listener, routes)
            if view is not None and key is not None and key in removed:
                self._left.setdefault(key, []).append((session, view))

    def count(self, frontend: FrontendKey) -> int:
        """How many of its exchanges are still running."""
        tunnels = sum(each.frontend == frontend for each in self._traffic.sessions if isinstance(each, TunnelSession))
        return tunnels + sum(self._runs(*each) for each in self._left.get(frontend, ()))

    def look(self) -> None:
        """Forget those that have ended."""
        # Ten times a second, and nearly never is there anything.
        if self._left:
            running = {key: [each for each in left if self._runs(*each)] for key, left in self._left.items()}
            self._left = {key: left for key, left in running.items() if left}

    def _runs(self, session: Session, view: RequestView) -> bool:
        # By identity: what is remembered of heads is forgotten with the old table, so that the same request, sent again, is another view.
        return session.request is view and session in self._traffic.sessions

    def _frontend_of(self, view: RequestView, listener: str, routes: RouteTable) -> FrontendKey | None:
        settings = self._traffic.settings
        authority, target = asked_for(view, listener)
        plain = plain_target(target, merge_slashes=settings.merge_slashes, encoded_slashes=settings.encoded_slashes)
        route = None if isinstance(plain, Reason) else routes.find(listener, hostname(authority), plain, view)
        return None if route is None else route.frontend.key
