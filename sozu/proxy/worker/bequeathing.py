"""Clients who are between two requests go from a worker that drains to its heir, with their connections: they notice nothing.

Only those of plain HTTP: what TLS knows of a connection is in the memory of one process. A busy one goes when its exchange has ended. What a client has
sent meanwhile waits in the kernel, and goes with the connection.
"""

import _socket
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
import logging
import os
from typing import Final, TypeGuard

import gevent
from gevent import socket
import msgspec

from sozu.command.channel import Channel, ChannelError
from sozu.command.facts import Listener, Protocol
from sozu.command.worker_protocol import Bequest, Guest
from sozu.proxy.deadlines import NEVER
from sozu.proxy.forwarding import client_name
from sozu.proxy.session import Session
from sozu.proxy.stream import Stream
from sozu.proxy.traffic import Traffic
from sozu.proxy.worker.ways import begin, believed_of

log = logging.getLogger("sozu.proxy")

# The kernel takes 253 in a message (SCM_MAX_FD); each is open twice until it is sent, in the hour in which descriptors are scarce.
AT_ONCE: Final = 64  # connections in a message: so many more descriptors are open for a moment


class Way:
    """One end of the socket between the two."""

    def __init__(self, descriptor: int) -> None:
        """The descriptor is ours from now on."""
        self._channel: Channel[Bequest] = Channel(socket.socket(fileno=descriptor), msgspec.json.Decoder(Bequest))
        self._open = True
        self._awaited = False  # by an heir who has said that he is there
        self.moved = 0

    def may_take(self, session: object) -> bool:
        """Is it a client of plain HTTP?"""
        # Also one that is busy now: whoever may go is not told to close, and what it will be doing at the next look nobody knows.
        return self._open and _is_plain(session)

    def move(self, sessions: Collection[object]) -> None:
        """Send all who are idle now; nobody before the heir is there, or once he has gone."""
        if not self._open:
            return
        # A copy of the set, which shrinks with each that goes; a generator, so that who is not sent is not asked either.
        idle = (session for session in tuple(sessions) if _is_plain(session) and _is_idle(session))
        try:
            while self._is_awaited() and (some := list(islice(idle, AT_ONCE))):
                self._send(some)
        except (ChannelError, OSError) as error:
            # Not tried again: what becomes of a half-sent message nobody can say. Those who are left are asked to close, as where there was no heir.
            log.warning("event=heir_lost reason=%r", str(error))
            self._open = False

    def _is_awaited(self) -> bool:
        """One that hangs takes nobody in, and whoever is on the way to him is lost when he is killed."""
        if not self._awaited:
            word = gevent.with_timeout(0, self._channel.receive, timeout_value=None)  # it is there already, or we look again
            self._awaited = word is not None
        return self._awaited

    def _send(self, sessions: Iterable[Session]) -> None:
        guests: list[Guest] = []
        descriptors: list[int] = []
        try:
            going = list(sessions)
            for session in going:
                # A second name for the connection: ours is closed with its session before the message leaves, and the kernel keeps what is under way.
                descriptors.append(os.dup(session.stream.fileno()))
                # The deadline goes along as it is: CLOCK_MONOTONIC is the machine's and not
                # a process's, and begun anew it would be given again by each upgrade.
                guests.append(Guest(session.listener, session.client.decode("latin-1"), session.deadline))
            for session in going:  # all can go: where a descriptor is wanting, all of them stay
                session.close()  # our name for the connection: before the send, which may let others run
            self._channel.send(Bequest(guests=tuple(guests)), descriptors)
            self.moved += len(guests)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def guests(self) -> Iterator[tuple[Guest, _socket.socket]]:
        """Say that we are here; then those who come, until the other end closes."""
        try:
            # First of all and empty: it is what the other end waits for. Three idle clients and a new one were lost on their way to an heir that hung.
            self._channel.send(Bequest(guests=()), [])
            while True:
                bequest, descriptors = self._channel.receive()
                # Strict, and the channel has counted already: with one descriptor too few every client after it would be taken for somebody else.
                yield from zip(bequest.guests, [_socket.socket(fileno=each) for each in descriptors], strict=True)
        except (ChannelError, OSError) as error:
            log.debug("event=bequest_ended reason=%r", str(error))
        finally:
            self.close()

    def close(self) -> None:
        """Nobody else comes."""
        self._open = False
        self._channel.close()


def _is_plain(session: object) -> TypeGuard[Session]:
    return isinstance(session, Session) and type(session.stream) is Stream


def _is_idle(session: Session) -> bool:
    # What is in our memory does not travel: an answer not yet taken by the kernel,
    # or the next request already read. Unread bytes do, they are the connection's.
    return session.idle_since != NEVER and not session.stream.queued and not session.stream.leftover


def seat(traffic: Traffic, listener: Listener | None, sock: _socket.socket, guest: Guest) -> bool:
    """Serve a client who has come from another worker, if there is (still) such a listener; else his connection is closed."""
    # The heir's configuration may be newer: a listener that has gone, or speaks TLS now, is no place for a connection in plain text.
    if listener is None or not listener.active or listener.protocol is not Protocol.HTTP:
        sock.close()
        return False
    sock.setblocking(False)
    try:
        # Asked of the kernel and not of the message: whether somebody is believed goes by who really connects, `guest.client` is whom he may have named.
        peer = client_name(sock.family, sock.getpeername())
    except OSError:  # he has gone
        sock.close()
        return False
    counters = traffic.counters
    # As an accept does: the session counts itself down when it ends, wherever it began. Its number is one of this worker's.
    counters.connections_accepted += 1
    counters.connections_open += 1
    stream, client = Stream(sock, traffic.hub), guest.client.encode("latin-1")
    session = begin(traffic, stream, client, listener.address, counters.connections_accepted, believed=believed_of(listener, peer))
    # Behind `begin`, which gives it the time of a newcomer.
    session.deadline = guest.deadline
    return True
