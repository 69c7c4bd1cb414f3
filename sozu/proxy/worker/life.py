"""A worker's life, as sozu.command.worker_protocol tells it: hello, sockets, state, traffic, transactions, drain.

Messages are handled one after the other in the order in which they come, but for the question whether we live; what takes long (a watch, the drain)
has its own greenlet. When the channel ends the worker goes on serving with what it has, until a signal ends it.
"""

from collections.abc import Callable, Sequence
import logging
import os
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event
from gevent.exceptions import LoopExit
from gevent.queue import JoinableQueue

from sozu import __version__
from sozu.command.answers import Status
from sozu.command.certificates.sealing import TicketSecret
from sozu.command.channel import channel_to_master, facts_in, portions
from sozu.command.rules import Objection
from sozu.command.settings import Settings
from sozu.command.worker_protocol import (
    SCHEMA,
    Apportion,
    AskBackends,
    AskDigest,
    AskMetrics,
    AskStatus,
    AskWitness,
    Checked,
    Drain,
    FromMaster,
    GiveListeners,
    Happened,
    Hello,
    Inherit,
    Learn,
    Load,
    MeetThere,
    Publish,
    Ready,
    Reply,
    RunChecks,
    TakeLog,
    TakeNames,
    WatchBackend,
    WatchFrontend,
    WatchListener,
    Welcome,
)
from sozu.proxy.loop.landing import WITNESS
from sozu.proxy.names import lookup
from sozu.proxy.registry import BackendKey
from sozu.proxy.worker.bequeathing import Way
from sozu.proxy.worker.master_link import MasterLink
from sozu.proxy.worker.news import News
from sozu.proxy.worker.orphan import Rendezvous, tell_who_we_are
from sozu.proxy.worker.service import Service

log = logging.getLogger("sozu.proxy")

_ROWS = 2000  # of AskBackends in one reply: it has to fit into a frame
_LAST_WORDS = 1.0  # seconds that a slow master may cost a worker at its end


class Life:
    """What a worker does between its first message and its last. `prepared(slot)` is called once, before it says Ready.

    `confine(slot, settings)` is called before anything is made; what it returns becomes part of the status.
    """

    def __init__(self, link: MasterLink, prepared: Callable[[int], None], confine: Callable[[int, Settings], dict[str, Any]]) -> None:
        self._link = link
        self._prepared = prepared
        self._confine = confine
        self._slot = 0
        self._service: Service | None = None
        self._ready = False
        self._ending = Event()
        self._heard: JoinableQueue[tuple[FromMaster, list[int]]] = JoinableQueue()
        self._deadline = 0.0
        self._asked_to_drain: list[int] = []
        self._rendezvous: Rendezvous | None = None
        self._holds: dict[str, Any] = {}
        self._way: Way | None = None  # to our heir

    def run(self) -> int:
        """Live; returns the exit code: 0 after a drain, 1 if it could not begin or cannot follow its master any more."""
        self._link.say(Hello(version=__version__, schema=SCHEMA, pid=os.getpid()))
        busy = [gevent.spawn(self._listen), gevent.spawn(self._obey)]
        for each in busy:
            each.link_exception(lambda _: self._ending.set())  # a broken invariant; gevent has printed the traceback
        self._await_end()
        # Also a worker that was never ready: 0 would tell the master that it drained, and nothing failed.
        if any(each.exception is not None for each in busy) or not self._ready:
            return 1
        self._drain()
        # After the drain, which still answers. A second here and one for the log: the master
        # waits for two beyond the grace before it kills (EXIT_PATIENCE).
        self._link.close(_LAST_WORDS)
        return 0

    def _await_end(self) -> None:
        try:
            self._ending.wait()
        except LoopExit:
            log.info("event=deserted slot=%d", self._slot)  # no master, no listener, no session: nothing could happen any more

    def end(self, grace: float) -> None:
        """Drain within so many seconds, then `run` returns. Asked again, the last word counts."""
        self._deadline = monotonic() + grace
        self._ending.set()

    def _listen(self) -> None:
        self._hear_out()
        # It knows nothing that it could serve with, and the master that was telling it is gone: the next one starts its own.
        if not self._ready:
            self._ending.set()
        # One after the other, so that two masters never have one worker: nobody is accepted at the rendezvous while a channel stands.
        while self._ready and self._rendezvous is not None:
            self._link = MasterLink(channel_to_master(self._rendezvous.next_master()))
            self._introduce_ourselves()
            self._hear_out()

    def _hear_out(self) -> None:
        self._link.listen(self._hear)
        # All that was heard is carried out before anybody else is told who we are: a digest
        # from the middle of it would be one that no journal knows, and cost us our place.
        self._heard.join()

    def _hear(self, message: FromMaster, descriptors: list[int]) -> None:
        # Whether our loop turns is answered at once: a transaction of a hundred thousand orders may take longer than the master's patience for that.
        if isinstance(message, AskStatus) and self._service is not None:
            self._take(message, descriptors)
            return
        self._heard.put((message, descriptors))
        if isinstance(message, Publish) and not message.last:
            self._serving().let_traffic_run()  # the next part is there already, and nobody would be served before all are read

    def _obey(self) -> None:
        while True:
            # One greenlet for all of them: transactions are carried out in the order of their revisions, though each lets traffic run in between.
            self._take(*self._heard.get())
            self._heard.task_done()

    def _introduce_ourselves(self) -> None:
        service, draining = self._serving(), self._ending.is_set()
        log.info("event=adopted slot=%d", self._slot)
        tell_who_we_are(self._link, self._slot, service.settings, service.state, service.accepting(), draining=draining)

    def _drain(self) -> None:
        cut = self._serving().drain(lambda: self._deadline - monotonic(), self._way)
        log.info("event=drained slot=%d cut=%d moved=%d", self._slot, cut, 0 if self._way is None else self._way.moved)
        for number in self._asked_to_drain:
            self._answer(number, data={"cut": cut})

    def _serving(self) -> Service:
        assert self._service is not None, "Welcome comes first"
        return self._service

    def _answer(self, number: int, status: Status = Status.OK, message: str = "", data: object = None) -> None:
        self._link.say(Reply(id=number, status=status, message=message, revision=self._serving().revision, data=data))

    # ---- what the master says ------------------------------------------------------------------

    def _take(self, message: FromMaster, descriptors: list[int]) -> None:
        match message:
            case Welcome() | Apportion() | MeetThere() | GiveListeners() | Load():
                self._prepare(message, descriptors)
            case Publish():
                self._publish(message)
            # They may last for hours, in which the next transaction has to be heard.
            case WatchBackend():
                gevent.spawn(self._watch, message)
            case WatchListener() | WatchFrontend():
                gevent.spawn(self._watch_sessions, message)
            case AskBackends() | AskDigest() | AskStatus() | AskMetrics():
                self._tell(message)
            case TakeLog() | AskWitness():
                self._share(message, descriptors)
            case RunChecks() | Learn() | TakeNames():
                self._learn(message)
            case Inherit() | Drain():
                self._pass_on(message, Way(descriptors[0]) if descriptors else None)

    def _prepare(self, message: Welcome | Apportion | MeetThere | GiveListeners | Load, descriptors: Sequence[int]) -> None:
        match message:
            case Welcome():
                self._slot = message.slot
                # What is made from here on is made by a process that can do no more than it ever will.
                self._holds = self._confine(message.slot, message.settings)
                secret = TicketSecret(bytes.fromhex(message.ticket_secret), message.ticket_period)
                self._service = Service(message.settings, message.slot, descriptors[0] if descriptors else None, secret)
            case Apportion():
                self._serving().apportion(message.workers, descriptors[0] if descriptors else None)
            case MeetThere():
                self._rendezvous = Rendezvous(descriptors[0])
            case GiveListeners():
                # The order of names and descriptors is all that ties them together; one too few would put each of the rest behind a wrong name.
                given = dict(zip((name.address for name in message.listeners), descriptors, strict=True))
                self._serving().take(given, message.lent_by)
            case Load():
                self._load(message)

    def _load(self, message: Load) -> None:
        service = self._serving()
        service.collect([*facts_in(message), *message.orders])
        if not message.last:
            return
        # An Objection is not caught: with a state that makes no sense there is nothing to go back to. This worker ends, and its log says why.
        service.publish(message.revision, ())
        # Before the first client: the collector is turned on with all of the state out of its sight.
        self._prepared(self._slot)
        service.serve(self._tell_news, self._tell_verdict)
        self._ready = True
        # Behind `serve`: at this word the master tells the one before us to drain, and somebody has to accept from then on.
        self._link.say(Ready(revision=service.revision))

    def _publish(self, message: Publish) -> None:
        service = self._serving()
        if not message.last:
            service.collect(message.orders)
            return
        try:
            service.publish(message.revision, message.orders)
        except Objection as objection:
            # The master committed what this worker cannot follow: it replaces a worker that says so.
            log.warning("event=cannot_follow slot=%d revision=%d reason=%r", self._slot, message.revision, objection.reason)
            self._answer(message.id, Status.ERROR, objection.reason)
        else:
            running = service.still_running()
            self._answer(message.id, data={"running": running} if running else None)

    def _tell(self, message: AskBackends | AskDigest | AskStatus | AskMetrics) -> None:
        if isinstance(message, AskBackends):
            return self._tell_backends(message)
        service = self._serving()
        if isinstance(message, AskStatus):
            return self._answer(message.id, data={**service.status(), **self._holds, "ending": self._ending.is_set()})
        return self._answer(message.id, data={"digest": service.digest()} if isinstance(message, AskDigest) else service.metrics())

    def _tell_backends(self, message: AskBackends) -> None:
        *some, last = portions(self._serving().backends(message.clusters), _ROWS)
        for rows in some:
            self._answer(message.id, Status.PROCESSING, data=rows)
        self._answer(message.id, data=last)

    def _tell_news(self, kind: News, backend: BackendKey, reason: str) -> None:
        cluster, address = backend
        self._link.say(Happened(kind=kind, cluster=cluster, address=address, reason=reason))

    def _learn(self, message: RunChecks | Learn | TakeNames) -> None:
        rounds = self._serving().rounds
        if isinstance(message, TakeNames):
            lookup.TOLD.update({lookup.HOSTS: message.hosts, lookup.RESOLVERS: message.resolvers})
        elif isinstance(message, RunChecks):
            rounds.run(running=message.run)
        else:
            rounds.learn((message.cluster, message.address), up=message.up)

    def _tell_verdict(self, backend: BackendKey, up: bool) -> None:  # noqa: FBT001 - the verdict is what this is about
        cluster, address = backend
        self._link.say(Checked(cluster=cluster, address=address, up=up))

    def _watch_sessions(self, message: WatchListener | WatchFrontend) -> None:
        def tell(status: Status, sessions: int) -> None:
            text = "it is in use: remove it first" if status is Status.ERROR else ""
            self._answer(message.id, status, text, {"sessions": sessions})

        if isinstance(message, WatchListener):
            self._serving().watch_listener(message.address, tell)
        else:
            self._serving().watch_frontend(message.frontend, tell)

    def _watch(self, message: WatchBackend) -> None:
        def tell(status: Status, exchanges: int) -> None:
            text = "the backend is in use: remove it first" if status is Status.ERROR else ""
            self._answer(message.id, status, text, {"exchanges": exchanges})

        self._serving().watch((message.cluster, message.address), tell)

    def _pass_on(self, message: Inherit | Drain, way: Way | None) -> None:
        if isinstance(message, Drain):
            self._asked_to_drain.append(message.id)
            self._way = way
            self.end(message.grace)
        elif way is not None:
            # It lasts as long as the other worker drains.
            gevent.spawn(self._serving().inherit, way)

    def _share(self, message: TakeLog | AskWitness, descriptors: Sequence[int]) -> None:
        if isinstance(message, AskWitness):
            self._link.say(Reply(id=message.id, status=Status.OK), [WITNESS])
            return
        for descriptor in descriptors:
            self._serving().reopen_log(descriptor)
        self._answer(message.id)
