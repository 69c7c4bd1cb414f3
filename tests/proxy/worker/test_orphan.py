"""A worker whose master has gone tells the next one who it is, and what it accepts on."""

import os
from pathlib import Path
import socket

from sozu.command.channel import channel_to_worker
from sozu.command.facts import Protocol
from sozu.command.worker_protocol import AskStatus, Found, GiveListeners, ListenerName, MeetThere
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
