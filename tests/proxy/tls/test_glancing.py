"""What a client sends along with the end of its handshake."""

import ssl

import gevent
import pytest

from sozu.command.certificates.loading import load
from sozu.command.certificates.terms import Tls
from sozu.proxy.tls.contexts import server_context
from sozu.proxy.tls.engine import Engine
from sozu.proxy.tls.stream import TlsStream
from tests.proxy.test_stream import raw, tcp_pair
from tests.proxy.tls.ends import certificate_for, client_context


def test_the_end_of_our_handshake_that_waited_for_an_answer_is_not_taken_for_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    context = server_context(Tls(), None)
    load(context, certificate_for("a.example"))
    ours, theirs = tcp_pair()
    server, client = TlsStream(raw(ours), gevent.get_hub()), Engine(client_context(ssl.TLSVersion.TLSv1_2), server_name="a.example", server=False)
    server.begin(Engine(context))

    for begun in (b"", b"\x17\x03\x03"):  # of a record with data, as browsers send it before they have heard our end (RFC 7918)
        client.shake_hands()
        theirs.sendall(client.records() + begun)
        server.receive()
        over = server.step()
        if not over:
            client.feed(theirs.recv(65536))
    server.glance()
    client.feed(theirs.recv(65536))

    assert over
    assert client.shake_hands()
    assert "renegotiation_refused" not in caplog.text
    server.close()
    theirs.close()
