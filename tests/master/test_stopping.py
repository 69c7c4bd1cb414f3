from signal import SIGINT, SIGTERM

from sozu.command.settings import Settings
from sozu.command.state import ConfigState
from sozu.master.logs import LogFile
from sozu.master.sockets import ListenerSockets
from sozu.master.stopping import Stopping
from sozu.master.workers.briefing import Briefing
from sozu.master.workers.roster import Roster
from sozu.master.workers.slots import Slots


def test_a_stop_that_comes_while_another_master_takes_over_is_that_one_s() -> None:
    settings, sockets, roster = Settings(command_socket="/nowhere", journal="/nowhere"), ListenerSockets(1), Roster()
    stopping = Stopping(Slots(1, [], Briefing(settings, LogFile(None), sockets, ConfigState, roster), roster), sockets)
    noted = stopping.put_off()
    stopping.soft(1.0)
    stopping.hard()

    assert noted == [SIGTERM, SIGINT, SIGINT]
    assert not stopping.begun.is_set()
