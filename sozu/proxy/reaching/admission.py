"""The way into a cluster with terms: who may come in, to whom, and what is done when there is no room (docs/balancing.md).

It does what `choice.reach` does for clusters without terms. A request that a cluster splits off is from then on one of the other cluster, whose
terms hold; a client's cookie goes before the split.
"""

from collections.abc import Iterator
from time import monotonic
from typing import Any

from greenlet import getcurrent

from sozu.proxy.back import Back
from sozu.proxy.deadlines import Late
from sozu.proxy.failures import Busy, Failure, NoBackend, Unreachable
from sozu.proxy.meaning import Asked
from sozu.proxy.proxied import proxy_header
from sozu.proxy.reaching.connecting import MOST_BACKENDS, Caller, Seeker, open_back
from sozu.proxy.reaching.lease import Lease
from sozu.proxy.registry import BackendKey, LiveBackend, Roster
from sozu.proxy.registry.terms import NO_TERMS, Terms
from sozu.proxy.registry.terms.affinity import set_cookie
from sozu.proxy.stream import park
from sozu.proxy.traffic import Traffic


class Admission:
    """One request on its way into a cluster with terms."""

    __slots__ = ("_anew", "_asked", "_caller", "_entrance", "_lease", "_roster", "_seeker", "_terms", "_traffic", "_tried", "_wanted")

    def __init__(self, traffic: Traffic, caller: Caller, seeker: Seeker, asked: Asked, entrance: Roster, *, anew: bool = False, lease: Lease | None = None, chosen: LiveBackend | None = None) -> None:
        self._traffic = traffic
        self._caller = caller
        self._anew = anew
        self._seeker = seeker
        self._asked = asked
        self._entrance = entrance
        self._tried: list[BackendKey] = []
        # Where `admit` has asked the balancer it is not asked again: that would skip somebody's turn, and of two backends one would get everything.
        self._roster, self._wanted = self._whose() if chosen is None else (entrance, chosen)
        # A cluster without terms may be the other half of a split, and tunnels come this way to any cluster.
        self._terms: Terms = self._roster.terms or NO_TERMS
        # Before the lease, which may be refused: the log is to say by whom.
        seeker.cluster = self._roster.cluster.cluster
        if lease is None:
            seeker.counted = lease = Lease(self._terms, traffic.clock, seeker, caller.client)
        self._lease = lease

    def _whose(self) -> tuple[Roster, LiveBackend | None]:
        """Whose request is it, and is it a certain backend's? Those that it may be split off to are the entrance's own in this."""
        entrance, rosters = self._entrance, self._traffic.registry.rosters
        for roster in self._candidates() if self._asked.sticky else ():
            if (live := roster.known_by(self._asked.sticky or b"")) is not None:
                return roster, live
        other = entrance.other()
        # A share for a cluster that is not there stays here: no request is lost to a name that was mistyped.
        return rosters.get(other, entrance) if other is not None else entrance, None

    def _candidates(self) -> Iterator[Roster]:
        yield self._entrance
        for share in self._entrance.cluster.split:
            if (roster := self._traffic.registry.rosters.get(share.cluster)) is not None:
                yield roster

    def reach(self, *, repeatable: bool) -> Back:
        """See `reach`; raises Busy besides, where nobody has room for long."""
        failure: Failure | None = None
        budget = self._terms.budget
        tries = MOST_BACKENDS if budget is None else budget.policy.most + 1
        for number in range(tries):
            # The first try is none that has to be earned.
            if number and budget is not None and not budget.spend():
                break
            backend = self._choose()
            if backend is None:
                break
            self._seeker.retries = number
            try:
                return self._take(backend, repeatable=repeatable)
            except Unreachable as unreachable:
                # Out of the lease first: this place is given back here, and must not be once more when the exchange ends.
                self._lease.backend = None
                backend.end()
                # Nothing was sent, and a place is free again: somebody else may have more luck with it.
                self._terms.queue.call_next()
                failure = unreachable
                self._tried.append(backend.key)
                if not self._look_again():
                    break
        # What was wrong with the last one tells the client more than that there is none.
        raise failure or NoBackend

    def _take(self, backend: LiveBackend, *, repeatable: bool) -> Back:
        traffic, seeker = self._traffic, self._seeker
        # Counted before anything may park: those that choose meanwhile have to see it, and whatever is thrown in finds it in the lease.
        backend.exchanges += 1
        self._lease.backend = backend
        seeker.backend = backend.name
        version = self._terms.proxy_protocol
        # A connection that has said for whom it is cannot be another client's, so none is looked for.
        back = None if self._anew or version is not None else traffic.pool.take(backend, repeatable)
        if back is None:
            preface = b"" if version is None else proxy_header(version, self._caller.client, self._caller.destination)
            back = open_back(traffic, self._caller, backend, self._asked.timeouts, preface)
            seeker.connected = monotonic()
        else:
            seeker.connected = seeker.started
        name = self._entrance.cluster.sticky
        if name is not None and backend.token != self._asked.sticky:
            self._lease.cookie = set_cookie(name, backend.token)
        return back

    def _choose(self) -> LiveBackend | None:
        """Who is wanted, or whom the balancer picks; when all are full, whoever has room first."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None and not self._terms.is_full(wanted):
            return wanted
        # The client whose cookie names one that is full gets another one, rather than a place in the queue.
        key = b"" if self._terms.key is None else self._terms.key(self._asked.view.passed_fields, self._caller.client)
        patience: float | None = None
        while True:
            if patience is not None or not self._terms.queue.waiting:  # who comes stands behind those that wait
                backend = self._roster.choose(self._tried, key)
                # Nobody, and somebody is untried: so all of those are full, and to wait is of use. Where all were tried it is not.
                if backend is not None or not self._roster.untried(self._tried):
                    return backend
            if patience is None:
                # Once: who is called in vain waits again, but not for longer in all.
                patience = self._traffic.clock.after(self._terms.patience)
            self._wait(patience)
            if not self._look_again():
                return None

    def _look_again(self) -> bool:
        """That has taken its time, and the configuration may have changed: who has come since is to be found, too. Is the cluster still there?"""
        # Who has gone was told to be drained, and may be switched off: nothing may go there because somebody had it on an old list.
        roster = self._traffic.registry.rosters.get(self._roster.cluster.cluster)
        if roster is not None:
            self._roster = roster
        return roster is not None

    def _wait(self, until: float) -> None:
        turn = _Turn(self._traffic.hub)
        queue = self._terms.queue
        if not queue.enter(turn.call):
            raise self._refused("no backend has room, and too many wait")
        # The one that holds until now was for the head. Late, thrown into this very park, means that the patience is over.
        self._caller.deadline = until
        try:
            park(self._traffic.hub)
        except Late:
            raise self._refused("no backend had room in time") from None
        finally:
            # Also where we were called and Late came first, in the same turn of the loop: then a place is free that nobody else was told of,
            # and `leave` hands the call on.
            if turn.forget():
                queue.leave(turn.call)

    def _refused(self, text: str) -> Busy:
        # Else the breaker would count it as a failure: a full queue opened it, and then it refused what there was room for.
        self._lease.refused = True
        return Busy(text)


def admit(traffic: Traffic, caller: Caller, seeker: Seeker, asked: Asked, roster: Roster, *, repeatable: bool) -> Back:
    """The way in of a request. Nearly always there is room, and a connection at hand; all else is the Admission's."""
    terms = roster.terms
    assert terms is not None, "else nobody is asked"
    if not terms.plain or terms.queue.waiting:
        return Admission(traffic, caller, seeker, asked, roster).reach(repeatable=repeatable)
    seeker.counted = lease = Lease(terms, traffic.clock, seeker, caller.client)
    backend = roster.choose()
    if backend is not None:
        back = traffic.pool.take(backend, repeatable)
        if back is not None:
            backend.exchanges += 1
            lease.backend = backend
            seeker.backend = backend.name
            seeker.connected = seeker.started
            return back
    return Admission(traffic, caller, seeker, asked, roster, lease=lease, chosen=backend).reach(repeatable=repeatable)  # whose turn it is does not wait for the next


class _Turn:
    """Wakes the greenlet that made it, if it is still waiting then."""

    __slots__ = ("_hub", "_switch")

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self._switch: Any = getcurrent().switch

    def call(self) -> None:
        """There may be room."""
        # Whoever calls is in the middle of its own end (Lease.end): a switch from there would run us inside it.
        self._hub.loop.run_callback(self._wake)

    def _wake(self) -> None:
        # Late may have ended the wait between the call and this turn: a switch would resume the greenlet wherever it is by now.
        if self._switch is not None:
            switch, self._switch = self._switch, None
            switch()

    def forget(self) -> bool:
        """The wait is over. Did it end without a call, or with one that nobody has followed?"""
        unfollowed, self._switch = self._switch is not None, None
        return unfollowed
