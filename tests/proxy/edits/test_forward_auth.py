from collections.abc import Iterator

import pytest

from sozu.command.edits.facts import AnswerPage, ForwardAuth
from sozu.command.facts import Backend, Cluster, Frontend, Timeouts
from sozu.command.terms import Breaker, Failures
from sozu.proxy.reaching.permission import LARGEST
from tests.proxy.lab import Lab, Peer, field, names, opened, settle

AUTH = "10.0.0.9:80"
OK = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
PASS = b"HTTP/1.1 204 No Content\r\nX-User: ali\r\n\r\n"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with opened(Lab()) as lab:
        lab.change(
            Cluster(cluster="auth"),
            Backend(cluster="auth", address=AUTH),
            Frontend(cluster="c", hostname="a.example", path="/x", replace_prefix="/", forward_auth=ForwardAuth(cluster="auth", path="/check", copy=("x-user",))),
        )
        yield lab


def ask(lab: Lab, fields: bytes = b"", body: bytes = b"", method: bytes = b"GET") -> tuple[Peer, Peer]:
    """The client, and where the question comes."""
    client = lab.client(b"%b /x/y?z=1 HTTP/1.1\r\nHost: a.example\r\n%b\r\n%b" % (method, fields, body))
    address, origin = lab.origin_at()
    assert address == AUTH
    return client, origin


def test_another_cluster_is_asked_and_its_answer_goes_along(lab: Lab) -> None:
    client, auth = ask(lab, b"Cookie: a=1\r\nX-User: root\r\nIf-None-Match: x\r\nX-Forwarded-Uri: /lie\r\n")
    question = auth.head()
    assert question.startswith(b"GET /check HTTP/1.1\r\nHost: a.example\r\n")
    assert field(question, b"cookie") == b"a=1"
    assert (field(question, b"x-forwarded-method"), field(question, b"x-forwarded-uri")) == (b"GET", b"/x/y?z=1")
    assert field(question, b"x-forwarded-for") == b"192.0.2.1"
    assert b"if-none-match" not in names(question)
    auth.send(PASS)

    origin = lab.origin()
    head = origin.head()
    assert head.startswith(b"GET /y?z=1 HTTP/1.1\r\n")
    assert field(head, b"x-user") == b"ali"
    assert field(head, b"x-forwarded-prefix") == b"/x"
    origin.send(OK)
    assert client.answer()[1] == b"ok"
    assert (lab.entry().cluster, lab.entry().backend) == ("c", "10.0.0.1:80")


def test_a_client_cannot_say_what_the_answer_did_not_say(lab: Lab) -> None:
    _, auth = ask(lab, b"X-User: root\r\n")
    auth.head()
    auth.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    assert b"x-user" not in names(lab.origin().head())


def test_a_refusal_is_passed_on_as_it_is(lab: Lab) -> None:
    client, auth = ask(lab)
    auth.head()
    auth.send(b"HTTP/1.1 302 Over there\r\nLocation: https://login/\r\nSet-Cookie: a=1\r\nDate: then\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n")
    head, body = client.answer()

    assert head.startswith(b"HTTP/1.1 302 Over there\r\n")
    assert (field(head, b"location"), field(head, b"set-cookie"), body) == (b"https://login/", b"a=1", b"no")
    assert field(head, b"date") != b"then"
    assert lab.no_origin()
    assert (lab.entry().status, lab.entry().ended) == (302, "not admitted by its forward_auth")


def test_the_connection_to_whom_is_asked_is_used_again(lab: Lab) -> None:
    client, auth = ask(lab)
    auth.head()
    auth.send(PASS)
    origin = lab.origin()
    origin.head()
    origin.send(OK)
    client.answer()
    client.send(b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert auth.head().startswith(b"GET /check ")
    auth.send(PASS)
    assert origin.head().startswith(b"GET / HTTP/1.1\r\n")


def test_one_that_has_died_meanwhile_is_replaced(lab: Lab) -> None:
    client, auth = ask(lab)
    auth.head()
    auth.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
    client.answer()
    client.send(b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n")
    auth.head()
    auth.close()
    again = lab.origin()
    again.head()
    again.send(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")

    assert client.answer()[0].startswith(b"HTTP/1.1 401 No\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (LARGEST + 1, b"x" * (LARGEST + 1)),
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"",
    ],
)
def test_nobody_passes_whose_question_gets_no_answer(lab: Lab, answer: bytes) -> None:
    client, auth = ask(lab)
    auth.head()
    auth.send(answer)
    auth.end()
    head, body = client.answer()

    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"reason forward-auth, " in body
    assert lab.no_origin()


def test_who_does_not_answer_in_time_is_waited_for_no_longer(lab: Lab) -> None:
    client, auth = ask(lab)
    auth.head()
    lab.wait(31)

    assert client.answer()[0].startswith(b"HTTP/1.1 503 ")


def test_who_is_asked_has_the_time_that_its_own_cluster_gives(lab: Lab) -> None:
    lab.change(Cluster(cluster="c", timeouts=Timeouts(back=3600)), Cluster(cluster="auth", timeouts=Timeouts(back=5)))
    client, auth = ask(lab)
    auth.head()
    lab.wait(6)

    assert client.answer()[0].startswith(b"HTTP/1.1 503 ")


def test_a_failure_is_held_against_the_backend_that_was_asked(lab: Lab) -> None:
    lab.change(Cluster(cluster="auth", failures=Failures(limit=1)))
    client, auth = ask(lab)
    auth.head()
    auth.close()

    assert client.answer()[0].startswith(b"HTTP/1.1 503 ")
    live = lab.traffic.registry.find(("auth", AUTH))
    assert live is not None
    assert live.resting


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"])
def test_the_breaker_of_the_cluster_that_is_asked_counts_its_failures(lab: Lab, answer: bytes) -> None:
    lab.change(Cluster(cluster="auth", breaker=Breaker(share=50, least=1)))
    client, auth = ask(lab)
    auth.head()
    auth.send(answer)
    auth.close()
    client.answer()
    settle()
    again = lab.client(b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n")

    assert again.answer()[0].startswith(b"HTTP/1.1 503 ")
    settle()
    assert lab.log.entries[-1].ended == "forward_auth: auth: circuit open"
    assert lab.no_origin()


def test_a_cluster_that_is_not_there_lets_nobody_pass(lab: Lab) -> None:
    lab.change(Backend(cluster="auth", address=AUTH), remove=True)
    client = lab.client(b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n")

    assert client.answer()[0].startswith(b"HTTP/1.1 503 ")


def test_a_body_waits_until_its_request_may_pass(lab: Lab) -> None:
    client, auth = ask(lab, b"Content-Length: 5\r\nContent-Type: text/plain\r\n", b"he", method=b"POST")
    question = auth.head()
    assert not {b"content-length", b"content-type"} & set(names(question))
    auth.send(PASS)
    origin = lab.origin()
    assert origin.head().startswith(b"POST /y?z=1 ")
    client.send(b"llo")
    assert origin.read(5) == b"hello"
    origin.send(OK)
    assert client.answer()[1] == b"ok"


def test_an_interim_answer_is_not_the_answer(lab: Lab) -> None:
    client, auth = ask(lab)
    auth.head()
    auth.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    settle()
    auth.send(b"HTTP/1.1 403 No\r\nConnection: close\r\n\r\nnever")
    auth.end()

    assert client.answer()[1] == b"never"


def test_a_page_of_the_operators_does_not_hide_what_the_other_said(lab: Lab) -> None:
    lab.change(Cluster(cluster="c", answers=(AnswerPage(status=403, body="mine"),)))
    client, auth = ask(lab)
    auth.head()
    auth.send(b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\ntheir")

    assert client.answer()[1] == b"their"
