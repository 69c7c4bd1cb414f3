"""The command socket: who may come in, and how many at a time.

Mode 0600 keeps other users out; the kernel's word on the peer's uid (SO_PEERCRED) is asked besides, since modes get changed.
"""

from collections.abc import Callable
import errno
import logging
import os
from pathlib import Path
import struct

import gevent
from gevent import socket
from gevent.pool import Pool
import msgspec

from sozu.command.answers import Answer, Status
from sozu.master.aside import Aside
from sozu.master.author import Author
from sozu.master.sockets import CannotListen, refuse_if_alive
from sozu.master.tools.conversation import READ_SIZE, Conversation
from sozu.master.tools.tool import Answering, CarriedTool, Final, Say, Tool
from sozu.parsers.command import frame

log = logging.getLogger("sozu.master")

TOOLS_AT_ONCE = 256
BACKLOG = 4096  # the kernel cuts it to net.core.somaxconn; who finds it full is refused
LOOK_AGAIN = 0.05  # seconds, while all places are taken
LAST_ANSWERS = 0.3  # seconds for the answers under way when the master ends
SCARCE = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
# accept(2): Linux passes on errors that the new connection has met already. To take them for ours would end the page of
# figures, or the command socket, because of one client's network.
NOT_THIS_ONE = frozenset(
    (
        errno.ECONNABORTED,
        errno.EPROTO,
        errno.EPERM,  # a firewall forbids it
        errno.ENETDOWN,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.ENONET,
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
    )
)


def accept_each(listening: socket.socket, serve: Callable[[socket.socket], object]) -> None:
    """Hand each new connection to `serve`; wait a little when there is none to be had."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError as error:
            # What ails the one connection, or want of something that others will give back. Whatever else comes is taken to
            # be about the socket itself, and would come again at each try.
            if error.errno not in SCARCE | NOT_THIS_ONE:
                raise
            log.warning("event=accept_paused reason=%s", errno.errorcode[error.errno])
            # Whoever is in the backlog stays there, so without a pause the
            # same error would come back at once, and nobody else would run.
            gevent.sleep(0.1)
        else:
            serve(connection)


class Door:
    """The open command socket. It is there from the first moment, and answers once `open_for` says who does."""

    def __init__(self, path: str, listening: socket.socket | None = None) -> None:
        """Bind the socket, unless another master gave us its own.

        Raises CannotListen when somebody listens there, or something else stands in its place.
        """
        try:
            self._listening = listening or _listen_anew(path)
            self._inode = _inode_of(path)
        except OSError as error:
            why = "another master listens there" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
            raise CannotListen(f"cannot open the command socket {path}: {why}") from error
        self._path = path
        self._conversations = Pool(TOOLS_AT_ONCE)
        # For large messages of all tools, and not the one that the ledger writes with: who sends ten of them waits for
        # himself, and commits do not wait for him.
        self._aside = Aside()
        self._open: set[Conversation] = set()
        self._doorkeeper: gevent.Greenlet[..., None] | None = None

    def open_for(self, answer: Answering) -> None:
        """Let tools in."""

        def serve(connection: socket.socket) -> None:
            # In the accept loop itself: while it waits, whoever comes waits in the kernel and costs us nothing.
            self._make_room()
            self._conversations.spawn(self._converse, connection, answer)

        self._doorkeeper = gevent.spawn(accept_each, self._listening, serve)

    def _make_room(self) -> None:
        """Wait while nobody can go: further tools wait in the backlog. Somebody may become idle later: look again."""
        while self._conversations.full():
            gevent.sleep(0)  # those of one burst begin: else only who came before it would be seen, and let go
            self._dismiss_one()
            self._conversations.wait_available(LOOK_AGAIN)

    def _dismiss_one(self) -> None:
        """Of a thousand tools that say nothing, none may keep out one that has something to say."""
        idle = [each for each in self._open if each.idle_since is not None]
        if idle:
            longest = min(idle, key=lambda each: (each.spoken, each.idle_since or 0.0))  # who has never said anything goes first
            log.info("event=tool_dismissed reason='%d tools are there, and it was silent for longest'", TOOLS_AT_ONCE)
            # All that it has asked is answered. It sees its connection end, and with it a transaction that it has begun
            # and not committed, as at every end of a connection.
            longest.dismiss()

    def go_on(self, carried: CarriedTool, answer: Answering, work: Callable[[Say], Final]) -> None:
        """Go on with a tool of another master; `work` is the rest of what it asked."""
        tool = Tool(Author(carried.uid, carried.pid, carried.command), carried.collected)
        conversation = Conversation(socket.socket(fileno=carried.descriptor), tool, answer, self._aside, carried.unread)
        if carried.asked is not None:
            conversation.go_on(carried.asked, work)
        self._conversations.spawn(self._serve, conversation)

    def hand_over(self, staying: object) -> tuple[int, list[CarriedTool]]:
        """Let nobody in any more: another master does, on this descriptor, and goes on with these. See Conversation.hand_over."""
        if self._doorkeeper is not None:
            self._doorkeeper.kill()
        # All at once, since each gives its requests a moment to end.
        handing = [gevent.spawn(each.hand_over, staying) for each in self._open]
        gevent.joinall(handing)
        # For the words to those who are told to ask again: they are in the outboxes by now, and go with this program.
        self._conversations.join(LAST_ANSWERS)
        self._aside.close()
        return self._listening.detach(), [each.value for each in handing if each.value is not None]

    def _converse(self, connection: socket.socket, answer: Answering) -> None:
        author = _peer(connection)
        # Root could do to this process whatever it likes: to refuse it would only be in the way of an administrator.
        if author.uid not in (os.getuid(), 0):
            log.warning("event=tool_refused uid=%d pid=%d", author.uid, author.pid)
            _turn_away(connection, f"uid {author.uid} may not command this proxy; nothing was changed")
            return
        self._serve(Conversation(connection, Tool(author), answer, self._aside))

    def _serve(self, conversation: Conversation) -> None:
        self._open.add(conversation)
        try:
            conversation.run()
        finally:
            self._open.discard(conversation)

    def close(self) -> None:
        """Let nobody in any more, give the answers under way a moment, and take the socket's file away."""
        if self._doorkeeper is not None:
            self._doorkeeper.kill()
        self._listening.close()
        # The answer to the very stop that ends us is among them.
        self._conversations.join(LAST_ANSWERS)
        self._conversations.kill(timeout=LAST_ANSWERS)
        self._aside.close()
        # A later master may have put its own socket there, if somebody removed ours.
        if self._inode is not None and _inode_of(self._path) == self._inode:
            Path(self._path).unlink()


def _inode_of(path: str) -> int | None:
    """None where there is no file: somebody may have removed it, which is no reason for an heir not to serve."""
    try:
        return Path(path).stat().st_ino
    except FileNotFoundError:
        return None


def _listen_anew(path: str) -> socket.socket:
    refuse_if_alive(path)
    Path(path).unlink(missing_ok=True)
    return _listen(path)


def _listen(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Not chmod after bind: between the two anybody could connect.
    # The mask is the whole process's, so nothing may switch until it is back.
    mask = os.umask(0o177)
    try:
        listening.bind(path)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(mask)
    return listening


def _turn_away(connection: socket.socket, message: str) -> None:
    with connection:
        connection.settimeout(LAST_ANSWERS)
        try:
            connection.sendall(frame(msgspec.json.encode(Answer(id="", status=Status.ERROR, message=message))))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(READ_SIZE):  # closing with unread bytes would reset the connection under our answer
                continue
        except OSError as error:
            log.debug("event=stranger_lost reason=%r", str(error))


def _peer(connection: socket.socket) -> Author:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", credentials)
    return Author.of(pid, uid)

