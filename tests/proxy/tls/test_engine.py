import ssl

import pytest

from sozu.command.certificates.sealing import TicketSecret
from sozu.command.certificates.terms import Tls
from sozu.proxy.stream import Broken
from sozu.proxy.tls.contexts import Contexts
from sozu.proxy.tls.engine import BURST, INCOMING, OUTGOING, RECORD, Engine
from sozu.proxy.tls.openssl import probe
from tests.proxy.tls.ends import certificate_for, client_context, engines, pass_on

CONTEXT = Contexts(probe(), TicketSecret(b"secret")).of((certificate_for("a.example"),), Tls())
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(params=VERSIONS, ids=["1.2", "1.3"])
def pair(request: pytest.FixtureRequest) -> tuple[Engine, Engine]:
    return engines(CONTEXT, version=request.param)


def test_data_comes_through_both_ways(pair: tuple[Engine, Engine]) -> None:
    client, server = pair
    server.feed(client.encrypt(b"request"))
    assert server.has_more
    assert server.decrypt(100) == b"request"
    assert server.decrypt(100) is None
    client.feed(server.encrypt(b"answer"))
    assert client.decrypt(100) == b"answer"
    assert (server.version, client.version) == (client.version, server.version)


def test_much_data_leaves_in_bursts_and_is_followed_into_a_buffer(pair: tuple[Engine, Engine]) -> None:
    client, server = pair
    data = bytes(range(256)) * (BURST // 256) + b"rest"
    records, rest = client.burst(memoryview(data))
    assert bytes(rest) == b"rest"
    server.feed(records)
    buffer = memoryview(bytearray(BURST))
    first = server.decrypt(len(buffer), buffer)
    assert first == RECORD
    assert server.followed(buffer, first) == BURST
    assert bytes(buffer) == data[:BURST]


def test_what_follows_a_record_that_is_cut_is_for_later(pair: tuple[Engine, Engine]) -> None:
    client, server = pair
    records, _ = client.burst(memoryview(bytes(2 * RECORD)))
    server.feed(records[:-1])
    buffer = memoryview(bytearray(4 * RECORD))
    assert server.followed(buffer, server.decrypt(len(buffer), buffer)) == RECORD
    assert server.decrypt(1) is None
    server.feed(records[-1:])
    assert server.decrypt(1) == b"\0"


def test_damaged_records_are_a_failure_that_stays_and_an_alert(pair: tuple[Engine, Engine]) -> None:
    client, server = pair
    sound, records = client.encrypt(b"sound"), client.encrypt(b"damaged")
    server.stream = "this one"
    server.feed(sound + records[:-1] + bytes([records[-1] ^ 1]))
    buffer = memoryview(bytearray(100))
    assert server.followed(buffer, server.decrypt(len(buffer), buffer)) == len(b"sound")
    for _ in range(2):
        with pytest.raises(Broken, match="TLS: decryption failed or bad record mac") as caught:
            server.decrypt(100)
        assert caught.value.stream == "this one"
    assert server.has_more
    assert server.has_records


def test_a_goodbye_is_the_end_and_stays_it(pair: tuple[Engine, Engine]) -> None:
    client, server = pair
    assert client.say_goodbye() == b""
    pass_on(client, server)
    for _ in range(2):
        assert server.decrypt(100) == b""
        assert server.has_more
    client.feed(server.encrypt(b"still"))
    assert client.decrypt(100) == b"still"


def test_what_came_before_our_goodbye_is_not_lost(pair: tuple[Engine, Engine]) -> None:
    client, server = pair
    server.feed(client.encrypt(b"early ") + client.encrypt(b"words"))
    assert server.say_goodbye() == b"early words"
    server.feed(client.encrypt(b"late"))
    assert server.decrypt(100) == b"late"
    assert server.has_records


def test_a_client_that_closes_without_a_word_is_at_its_end_and_a_server_has_failed(pair: tuple[Engine, Engine]) -> None:
    client, server = pair
    server.feed(b"")
    assert server.decrypt(100) == b""
    client.feed(b"")
    with pytest.raises(Broken, match="closed without a word"):
        client.decrypt(100)


def test_a_client_may_not_renegotiate() -> None:
    client, server = engines(CONTEXT, version=ssl.TLSVersion.TLSv1_2)
    assert server.decrypt(1) is None  # TLS 1.2 knows it, Python offers no way to ask: the option is what stands between
    assert CONTEXT.options & ssl.OP_NO_RENEGOTIATION
    assert client.version == "TLSv1.2"


def test_a_handshake_that_fails_says_why() -> None:
    chosen = client_context(ssl.TLSVersion.TLSv1_2)
    chosen.set_ciphers("AES128-GCM-SHA256")
    client, server = Engine(chosen, server_name="a.example", server=False), Engine(CONTEXT)
    assert not client.shake_hands()
    pass_on(client, server)
    with pytest.raises(Broken, match="TLS: no shared cipher"):
        server.shake_hands()
    pass_on(server, client)
    with pytest.raises(Broken, match="handshake failure"):
        client.shake_hands()


def test_a_server_is_who_it_should_be() -> None:
    client, server = Engine(client_context(), server_name="b.example", server=False), Engine(CONTEXT)
    assert not client.shake_hands()
    pass_on(client, server)
    assert not server.shake_hands()
    pass_on(server, client)
    with pytest.raises(Broken, match="certificate verify failed"):
        client.shake_hands()


def test_to_write_after_a_failure_is_one_too(pair: tuple[Engine, Engine]) -> None:
    client, server = pair
    server.say_goodbye()
    with pytest.raises(Broken, match="protocol is shutdown"):
        server.encrypt(b"too late")
    assert client.peer_certificate is not None
    assert server.peer_certificate is None


def test_of_many_connections_each_gets_its_own_whatever_becomes_of_the_others() -> None:
    crowd = [(Engine(client_context(version), server_name="a.example", server=False), Engine(CONTEXT)) for version in VERSIONS * 3]
    finished: set[int] = set()
    while len(finished) < 2 * len(crowd):  # each takes one step, then the next one does
        for client, server in crowd:
            for one, other in ((client, server), (server, client)):
                if one.shake_hands():
                    finished.add(id(one))
                pass_on(one, other)
    buffer = memoryview(bytearray(100))
    for number, (client, server) in enumerate(crowd):
        records = client.encrypt(b"cut short %d" % number) + client.encrypt(b"and what follows")
        server.feed(records[:-20])
        assert server.decrypt(5) == b"cut s"  # the rest stays with this one
    for number, (_, server) in enumerate(crowd):
        if number % 3 == 0:
            server.feed(b"\x17\x03\x03\x00\x05junk!")  # in the middle of a record, that is
    for number, (client, server) in enumerate(crowd):
        size = server.fill(buffer)
        assert size is not None
        assert bytes(buffer[:size]) == b"hort %d" % number
        if number % 3 == 0:
            server.feed(bytes(15))
            with pytest.raises(Broken, match="bad record mac"):
                server.fill(buffer)
        client.part()
        server.part()
        assert (INCOMING.pending, OUTGOING.pending) == (0, 0)
