"""A worker whose master has gone tells the next one who it is, and what it accepts on."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import resource
import socket

import gevent
import pytest

from sozu.command.channel import channel_to_worker
from sozu.command.facts import Protocol
from sozu.command.worker_protocol import AskStatus, Found, GiveListeners, ListenerName, MeetThere
from sozu.proxy.worker import orphan
from sozu.proxy.worker.orphan import Rendezvous
from tests.proxy.worker.scripted_master import PATIENCE, ScriptedMaster, settings


def test_what_was_lent_is_told_with_the_slot_that_has_lent_it(tmp_path: Path) -> None:
    place = str(tmp_path / "place")
    with ScriptedMaster() as master, socket.socket(socket.AF_UNIX) as rendezvous, socket.socket(socket.AF_UNIX) as line:
        rendezvous.bind(place)
        master.say(MeetThere(), [rendezvous.fileno()])
        master.bring_up(settings(tmp_path))
        name = ListenerName(Protocol.HTTP, master.address)
        with socket.create_server(("127.0.0.1", 0)) as another:
            master.say(GiveListeners(listeners=(name,), lent_by=5), [another.fileno()])
        master.ask(AskStatus(id=1))
        master.channel.close()
        line.settimeout(PATIENCE)
        line.connect(place)
        found, descriptors = channel_to_worker(line).receive()
        for descriptor in descriptors:
            os.close(descriptor)

    assert isinstance(found, Found)
    assert found.listeners == (ListenerName(Protocol.HTTP, master.address, 5), name)
    assert len(descriptors) == 2


def test_a_worker_without_a_descriptor_waits_for_one_to_hear_its_next_master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphan, "PAUSE", 0.0)
    place = str(tmp_path / "place")
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(place)
    rendezvous = Rendezvous(bound.detach())
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        with no_descriptor_left():
            waiting = gevent.spawn(rendezvous.next_master)
            for _ in range(10):
                gevent.sleep(0)
            waited = not waiting.ready()
        waiting.get(timeout=PATIENCE).close()
        rendezvous.close()

    assert waited


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    first_free = os.dup(0)
    os.close(first_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
