from base64 import b64encode
from collections.abc import Iterator
import threading

import gevent
import pytest

from sozu.command.edits.facts import BasicAuth, HeaderEdit, Redirect, User
from sozu.command.edits.passwords import Hash
from sozu.command.facts import Cluster, Frontend
from sozu.proxy.edits.passwords import MOST_WAITING, REMEMBERED, Busy, Desk, Users
from tests.proxy.lab import Lab, field, names, opened, settle

OK = b"HTTP/1.1 200 OK\r\nServer: x\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
HASH = "$pbkdf2-sha256$i=100000$c2l4dGVlbiBieXRlcyBvaw$KDpXVuYqAHxiIqFnc7d2RCdEJucC7PlVyGmBp6Gp6L0"
AUTH = BasicAuth(users=(User(name="ali", hash=HASH),), realm="staff")
RIGHT, WRONG = b"Authorization: Basic YWxpOm9wZW4gc2VzYW1l\r\n", b"Authorization: Basic YWxpOnd0Zg==\r\n"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with opened(Lab()) as lab:
        lab.change(
            Frontend(cluster="c", hostname="auth.example", basic_auth=AUTH),
            Frontend(cluster="c", hostname="old.example", redirect=Redirect(to="https://{host}{path}{query}", status=308)),
            Frontend(cluster="c", hostname="closed.example", deny=403),
            Frontend(cluster="c", hostname="home.example", allow_from=("192.0.2.0/24",)),
            Frontend(
                cluster="c",
                hostname="edited.example",
                path="/app",
                replace_prefix="/",
                request_headers=(HeaderEdit(remove="cookie"),),
                response_headers=(HeaderEdit(set="server", value="sozu"), HeaderEdit(add="x-a", value="1")),
            ),
        )
        yield lab


def get(host: bytes, path: bytes = b"/", fields: bytes = b"", method: bytes = b"GET") -> bytes:
    return b"%b %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (method, path, host, fields)


def test_a_redirect_is_an_answer_after_which_the_connection_goes_on(lab: Lab) -> None:
    client = lab.client(get(b"old.example", b"/x?y"))
    head, body = client.answer()

    assert head.startswith(b"HTTP/1.1 308 Permanent Redirect\r\n")
    assert field(head, b"location") == b"https://old.example/x?y"
    assert b"connection" not in names(head)
    assert body
    client.send(get(b"closed.example"))
    assert client.answer()[0].startswith(b"HTTP/1.1 403 ")
    assert lab.no_origin()
    settle()
    assert [(record.status, record.cluster, record.ended) for record in lab.log.entries] == [
        (308, "c", "redirected"),
        (403, "c", "denied by its frontend"),
    ]


def test_a_body_that_nobody_wants_ends_the_connection(lab: Lab) -> None:
    client = lab.client(get(b"old.example", fields=b"Content-Length: 10\r\n", method=b"POST"))
    head, _ = client.answer()

    assert head.startswith(b"HTTP/1.1 308 ")
    assert field(head, b"connection") == b"close"


def test_who_is_not_on_the_list_is_refused(lab: Lab) -> None:
    inside, outside = lab.client(get(b"home.example")), lab.client(get(b"home.example"), name=b"198.51.100.7:99")
    lab.origin().send(OK)

    assert inside.answer()[1] == b"ok"
    assert outside.answer()[0].startswith(b"HTTP/1.1 403 ")


def test_a_unix_socket_has_no_address_that_could_be_on_a_list(lab: Lab) -> None:
    assert lab.client(get(b"home.example"), name=b"").answer()[0].startswith(b"HTTP/1.1 403 ")


def test_a_password_is_asked_for_and_checked(lab: Lab) -> None:
    client = lab.client(get(b"auth.example"))
    head, _ = client.answer()
    assert head.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert field(head, b"www-authenticate") == b'Basic realm="staff", charset="UTF-8"'

    client.send(get(b"auth.example", fields=WRONG))
    assert client.answer()[0].startswith(b"HTTP/1.1 401 ")
    client.send(get(b"auth.example", fields=RIGHT + RIGHT))
    assert client.answer()[0].startswith(b"HTTP/1.1 401 ")
    client.send(get(b"auth.example", fields=RIGHT))
    origin = lab.origin()
    origin.head()
    origin.send(OK)
    assert client.answer()[1] == b"ok"


@pytest.mark.parametrize("said", [b"ali:open sesame\0", b"ali:open sesame\x7f", b"ali\0:open sesame", b"ali", b""])
def test_what_is_no_name_and_password_is_refused_without_a_check(lab: Lab, said: bytes) -> None:
    lab.traffic.desk._waiting = MOST_WAITING  # whoever needs the desk now is told so
    client = lab.client(get(b"auth.example", fields=b"Authorization: Basic %b\r\n" % b64encode(said)))

    assert client.answer()[0].startswith(b"HTTP/1.1 401 ")


def test_a_check_has_its_time_however_long_the_client_was_idle(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    going_on = threading.Event()
    monkeypatch.setattr(Users, "check", lambda *_: going_on.wait(10))
    lab.change(Frontend(cluster="c", hostname="slow.example", basic_auth=AUTH))  # where nobody is remembered
    client = lab.client(get(b"old.example"))
    client.answer()
    lab.wait(59.9)
    client.send(get(b"slow.example", fields=RIGHT))
    settle()
    lab.wait(5)
    assert len(lab.log.entries) == 1
    going_on.set()
    origin = lab.origin()
    origin.head()
    origin.send(OK)
    assert client.answer()[1] == b"ok"


def test_who_was_right_once_is_let_in_without_a_check(lab: Lab) -> None:
    client = lab.client(get(b"auth.example", fields=RIGHT))
    origin = lab.origin()
    for _ in range(2):
        origin.head()
        origin.send(OK)
        assert client.answer()[1] == b"ok"
        lab.traffic.desk._waiting = MOST_WAITING  # whoever needs the desk now is told so
        client.send(get(b"auth.example", fields=RIGHT))
    origin.head()
    origin.send(OK)
    client.answer()

    client.send(get(b"auth.example", fields=WRONG))
    head, _ = client.answer()
    assert head.startswith(b"HTTP/1.1 503 ")
    assert field(head, b"retry-after") == b"1"


def test_a_head_and_its_response_are_edited(lab: Lab) -> None:
    for _ in range(3):  # and the third one comes from the memory of heads
        client = lab.client(get(b"edited.example", b"/app/x", b"Cookie: a=1\r\n"))
        origin = lab.origin()
        head = origin.head()
        assert head.startswith(b"GET /x HTTP/1.1\r\nHost: edited.example\r\n")
        assert b"cookie" not in names(head)
        origin.send(OK)
        answer, body = client.answer()
        assert (field(answer, b"server"), field(answer, b"x-a"), body) == (b"sozu", b"1", b"ok")
        origin.close()
        client.close()


def test_a_response_without_a_length_is_edited_too(lab: Lab) -> None:
    client = lab.client(get(b"edited.example", b"/app/x"))
    origin = lab.origin()
    origin.head()
    origin.send(b"HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

    assert field(client.head(), b"server") == b"sozu"
    assert client.read(12) == b"2\r\nok\r\n0\r\n\r\n"


def test_a_cluster_that_changes_is_the_one_that_is_admitted_to(lab: Lab) -> None:
    lab.change(Cluster(cluster="c", max_body_size=1))
    client = lab.client(get(b"auth.example", fields=RIGHT + b"Content-Length: 2\r\n", method=b"POST") + b"ab")

    assert client.answer()[0].startswith(b"HTTP/1.1 413 ")


# ---- passwords ----


def test_a_name_that_nobody_has_takes_as_long_as_one_that_somebody_has() -> None:
    users = Users(AUTH)
    asked: list[bytes] = []

    def derive(password: bytes, size: int) -> bytes:
        asked.append(password)
        return bytes(size)

    users._someone = Hash(derive, bytes(32))

    assert not users.check(b"bob", b"open sesame")
    assert asked == [b"open sesame"]


def test_only_so_many_wait_for_the_desk() -> None:
    desk, users, going_on = Desk(), Users(AUTH), threading.Event()
    users._someone = Hash(lambda _, size: bytes(size) if going_on.wait(10) else b"", bytes(32))
    waiting = [gevent.spawn(desk.check, users, b"bob", b"x") for _ in range(MOST_WAITING)]
    settle()
    with pytest.raises(Busy):
        desk.check(users, b"ali", b"x")
    going_on.set()

    gevent.joinall(waiting, timeout=10)
    assert [each.value for each in waiting] == [False] * MOST_WAITING


def test_what_was_right_is_remembered_up_to_a_bound() -> None:
    users = Users(AUTH)
    for number in range(REMEMBERED + 1):
        users.remember(b"%d" % number)

    assert users.knows(b"%d" % REMEMBERED)
    assert not users.knows(b"0")
    assert len(users._right) == 1
