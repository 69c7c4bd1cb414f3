"""New code shows what it can, before anything depends on it: read the journal, start a worker, have that say Ready.

`try_out` is the running master's side, `perform` the other: a process of the code on disk. It is given no descriptor of ours but
the one to answer on, its worker gets no socket, and whatever becomes of it, the proxy has not changed.
"""

from collections.abc import Sequence
import logging
import os
from pathlib import Path
import socket

import gevent
import gevent.socket
import msgspec

from sozu import __version__
from sozu.command.commit import commit
from sozu.command.journal import JournalError, read_aside, state_after
from sozu.command.orders import DeactivateListener
from sozu.command.settings import Settings
from sozu.command.state import ConfigState
from sozu.master.logs import LogFile
from sozu.master.sockets import ListenerSockets
from sozu.master.succession.estate import SCHEMA, missing
from sozu.master.surroundings.preparing import import_the_rest
from sozu.master.workers.briefing import Briefing
from sozu.master.workers.filling import SlotNotFilled, launch, make_ready
from sozu.master.workers.process import Process
from sozu.master.workers.roster import Roster

log = logging.getLogger("sozu.master")

PATIENCE = 60.0  # seconds for the whole trial
LONGEST_ANSWER = 65536


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be shown: an estate of this schema, and the journal, which has so many bytes, makes this revision or a later one."""

    schema: int = SCHEMA
    settings: Settings
    journal_size: int
    revision: int
    left: dict[str, tuple[str, ...]] = {}  # what will be in the estate, by its parts


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the new code says of itself; `objection` is why it should not take over."""

    version: str
    objection: str = ""


class Unfit(Exception):
    """The code on disk cannot take over; the text says why."""


def try_out(program: Sequence[str], part: Part) -> str:
    """Have the code on disk show what it can, with `--trial FD` added to `program`; its version. Raises Unfit."""
    ours, theirs = socket.socketpair()
    with theirs:
        line = gevent.socket.socket(fileno=ours.detach())
        # It blocks no signal, unlike workers: nobody's connection
        # depends on it, so it may end with whatever ends the terminal.
        process = Process.start([*program, "--trial", str(theirs.fileno())], theirs.fileno(), blocked=())
    try:
        with line, gevent.Timeout(PATIENCE, Unfit(f"the code on disk was not ready within {PATIENCE:g} s")):
            # A NUL ends it, which JSON has none of: the line stays open for the answer.
            line.sendall(msgspec.json.encode(part) + b"\0")
            verdict = _hear(line)
            # Within the same time: it is by its fate that we know what to say of one that has said nothing.
            process.ended.wait()
    finally:
        # Whatever comes, a stop in the middle among it, which kills this greenlet: nobody else knows of that process.
        process.kill()
    if verdict is None:
        raise Unfit(f"the code on disk cannot be started ({process.fate}; the log has what it said)")
    if verdict.objection:
        raise Unfit(f"the code on disk (version {verdict.version}) cannot take over: {verdict.objection}")
    return verdict.version


def _hear(line: gevent.socket.socket) -> Verdict | None:
    heard = b""
    try:
        while piece := line.recv(LONGEST_ANSWER):
            heard += piece
        return msgspec.json.decode(heard, type=Verdict)
    except (OSError, msgspec.MsgspecError):
        return None


def perform(descriptor: int, worker_command: Sequence[str]) -> int:
    """Be the code that is looked at; 0, whatever the verdict."""
    with gevent.socket.socket(fileno=descriptor) as line:
        try:
            part = msgspec.json.decode(_asked(line), type=Part)
            verdict = Verdict(version=__version__, objection=_objection(part, worker_command))
            line.sendall(msgspec.json.encode(verdict))
        except ConnectionError as error:
            log.warning("event=trial_deserted reason=%r", str(error))
    return os.EX_OK


def _asked(line: gevent.socket.socket) -> bytes:
    """The question, without the NUL that ends it. Raises ConnectionError when the master has gone."""
    asked = b""
    while not asked.endswith(b"\0"):
        piece = line.recv(LONGEST_ANSWER)
        if not piece:
            raise ConnectionAbortedError("nobody asks any more")
        asked += piece
    return asked[:-1]


def _objection(part: Part, worker_command: Sequence[str]) -> str:
    # An older one can be read: what it does not have has defaults, or is found missing below.
    if part.schema > SCHEMA:
        return f"it understands an estate of schema {SCHEMA}, not {part.schema}"
    if part.left and (wanted := missing(part.left)):
        return f"it cannot do without {' and '.join(wanted)}, which this master does not leave"
    try:
        # What is imported late in life is imported now: the rest of a program
        # that is half installed would be missed only by some order, later.
        import_the_rest()
        state = _state(part)
    except (ImportError, JournalError, OSError) as error:
        return str(error)
    # More may be right: what is committed while this starts can be within the size that was asked for.
    if state.revision < part.revision:
        return f"it reads revision {state.revision} from the journal, where {part.revision} is in force"
    return _try_worker(part.settings, state, worker_command)


def _state(part: Part) -> ConfigState:
    path = Path(part.settings.journal)
    return state_after(path, read_aside(path, part.journal_size))


def _try_worker(settings: Settings, state: ConfigState, command: Sequence[str]) -> str:
    # It accepts nowhere: it gets no socket, and to it no listener is active.
    active = [each for each in state.listeners.values() if each.active]
    asleep = commit(state, [DeactivateListener(protocol=each.protocol, address=each.address) for each in active]).state
    # No log, no rendezvous, no memory of rates, and a roster of its own: whatever goes wrong in there, the proxy that
    # serves has nothing in common with it but the disk.
    briefing = Briefing(settings, LogFile(None), ListenerSockets(1), lambda: asleep, Roster())
    try:
        worker = launch(0, command)
        make_ready(worker, briefing)
    except SlotNotFilled as why:
        return f"its worker does not start: {why}"
    worker.process.kill()
    worker.process.ended.wait()
    return ""
