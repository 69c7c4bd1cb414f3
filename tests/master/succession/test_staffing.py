"""More and fewer workers while a master serves."""

from contextlib import ExitStack
import os
import signal
import socket

import pytest

from sozu.command.client import RequestRefused
from sozu.command.orders import AddCluster
from sozu.command.requests import SetWorkers, UpgradeMaster
from sozu.master.workers.steering import among, numbers, release, steer
from tests.master.served import PATIENCE, Serve, Served


def staff(served: Served, count: int) -> str:
    message: str = served.ask(SetWorkers(count=count, grace=1.0))[-1].message
    return message


def slots(served: Served) -> list[int]:
    return [row["id"] for row in served.workers() if row["state"] == "running"]


def takers(served: Served, times: int = 60) -> set[int]:
    return {served.connect()[0] for _ in range(times)}


def test_more_workers_come_and_take_connections_and_changes(serve: Serve) -> None:
    served = serve(workers=1)

    assert staff(served, 3) == "3 workers now"
    assert slots(served) == [0, 1, 2]
    assert takers(served) == {0, 1, 2}
    assert served.ask(AddCluster(cluster="shop"))[-1].data == {"revision": 3, "late": []}
    assert all("shop" in row["clusters"] for row in served.workers())


def test_fewer_workers_take_everything(serve: Serve) -> None:
    served = serve(workers=3)

    assert staff(served, 1) == "1 worker now"
    assert slots(served) == [0]
    assert takers(served) == {0}


def test_up_and_down_and_up_again(serve: Serve) -> None:
    served = serve(workers=2)
    for count in (1, 3, 2):
        staff(served, count)
        assert takers(served) == set(range(count))


def test_those_in_the_queue_of_one_that_hangs_and_goes_are_served_by_who_stays(serve: Serve) -> None:
    served = serve(workers=2)
    host, _, port = served.told["listeners"][0].rpartition(":")
    goes = served.workers()[1]["pid"]
    os.kill(goes, signal.SIGSTOP)
    waiting = [socket.create_connection((host, int(port)), PATIENCE) for _ in range(20)]
    staff(served, 1)
    takers = {int(connection.makefile().read().split()[0]) for connection in waiting}
    for connection in waiting:
        connection.close()

    assert takers == {0}


def test_an_upgrade_keeps_the_number(serve: Serve) -> None:
    served = serve(workers=1)
    staff(served, 2)
    served.ask(UpgradeMaster())

    assert slots(served) == [0, 1]
    assert takers(served) == {0, 1}


@pytest.mark.parametrize("count", [0, 1025])
def test_a_number_that_makes_no_sense_changes_nothing(serve: Serve, count: int) -> None:
    served = serve(workers=1)
    with pytest.raises(RequestRefused, match="from 1 to 1024 workers; nothing was changed"):
        staff(served, count)


def test_connections_go_where_they_are_steered_to() -> None:
    first = socket.create_server(("127.0.0.1", 0), reuse_port=True, backlog=128)
    second = socket.create_server(first.getsockname(), reuse_port=True, backlog=128)
    second.setblocking(False)
    with first, second:
        steer(first, [0])
        clients = [socket.create_connection(first.getsockname()) for _ in range(50)]
        with pytest.raises(BlockingIOError):
            second.accept()
        release(first)
        clients += [socket.create_connection(first.getsockname()) for _ in range(50)]
        second.accept()[0].close()
        for client in clients:
            client.close()


def test_the_program_chooses_by_chance_among_those_that_stay() -> None:
    by_chance = "2000000038f0ffff" + "9400000002000000"

    assert among([3, 1]).hex() == by_chance + "1500000100000000" + "0600000003000000" + "0600000001000000"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_the_numbers_of_a_group_are_found_out_whatever_has_gone(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as closed:
        first = closed.enter_context(socket.create_server((host, 0), family=family, reuse_port=True))
        others = [closed.enter_context(socket.create_server(first.getsockname(), family=family, reuse_port=True)) for _ in range(4)]
        in_order = numbers([first, *others])
        others[0].close()  # the last one gets its number

        assert in_order == [0, 1, 2, 3, 4]
        assert numbers([others[3], first, others[2]]) == [1, 0, 3]
