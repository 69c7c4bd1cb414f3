import ssl

import pytest

from sozu.command.certificates.terms import Tls
from sozu.proxy.tls.contexts import Contexts
from sozu.proxy.tls.openssl import Library, probe
from sozu.proxy.tls.resting import AT_ONCE, TICKS, WAITING, Rests
from tests.proxy.tls.ends import certificate_for, engines

LIBRARY = probe()


class Waiting:
    def __init__(self) -> None:
        self.rested = 0

    def rest(self, library: Library) -> None:
        assert library is LIBRARY
        self.rested += 1


def look(rests: Rests, times: int = 1) -> None:
    for _ in range(times * TICKS):
        rests.look()


def test_who_waits_from_one_look_to_the_next_gives_back_once() -> None:
    rests, idle, busy = Rests(LIBRARY), Waiting(), Waiting()
    WAITING.add(idle)
    for _ in range(4):
        WAITING.add(busy)
        look(rests)
    assert (idle.rested, busy.rested) == (1, 0)
    look(rests, 2)
    assert (idle.rested, busy.rested) == (1, 1)


def test_a_crowd_gives_back_bit_by_bit() -> None:
    rests, crowd = Rests(LIBRARY), [Waiting() for _ in range(3 * AT_ONCE)]
    WAITING.update(crowd)
    look(rests, 2)
    assert sum(one.rested for one in crowd) == AT_ONCE
    rests.look()
    rests.look()
    assert sum(one.rested for one in crowd) == 3 * AT_ONCE


def test_without_a_library_nobody_gives_back() -> None:
    rests, idle = Rests(None), Waiting()
    WAITING.add(idle)
    look(rests, 3)
    assert idle.rested == 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_an_engine_goes_on_after_its_buffers_were_given_back(version: ssl.TLSVersion) -> None:
    assert LIBRARY is not None
    context = Contexts(LIBRARY, b"secret").of((certificate_for("a.example"),), Tls())
    client, server = engines(context, version=version)
    for data in (b"small", bytes(10_000), b"again"):
        server.feed(client.encrypt(data))
        server.give_back(LIBRARY)  # what is there to be read stays
        assert server.decrypt(16384) == data
        server.give_back(LIBRARY)
        client.feed(server.encrypt(data))
        assert client.decrypt(16384) == data
