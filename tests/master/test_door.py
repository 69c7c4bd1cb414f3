from collections.abc import Iterator
from contextlib import ExitStack
import errno
import os
from pathlib import Path
import socket
from types import SimpleNamespace
from typing import Any

import gevent
import gevent.socket
import msgspec
import pytest

from sozu.command.answers import Answer
from sozu.command.orders import AnyOrder
from sozu.command.requests import AnyRequest
from sozu.master.author import Author
from sozu.master.sockets import CannotListen
from sozu.master.tools import conversation
from sozu.master.tools import door as door_module
from sozu.master.tools.door import Door, accept_each
from sozu.master.tools.tool import Declined, Final, Say, Tool

PATIENCE = 60.0


def answer(request: AnyOrder | AnyRequest, tool: Tool, say: Say) -> Final:
    """Each verb shows one way to end."""
    match type(request).__name__:
        case "Status":
            say("news", {"pid": tool.author.pid})
            return Final("done", 1)
        case "Begin":
            raise Declined("no", {"why": 2})
        case "DumpState":
            while True:
                say("x" * 100_000, None)
        case _:
            raise ZeroDivisionError


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    opened = Door(str(tmp_path / "sock"))
    opened.open_for(answer)
    yield opened
    opened.close()


def say(path: Path, request: bytes) -> Answer:
    with gevent.socket.socket(socket.AF_UNIX) as tool:
        tool.settimeout(PATIENCE)
        tool.connect(str(path))
        tool.sendall(request + b"\0")
        tool.shutdown(socket.SHUT_WR)
        return msgspec.json.decode(tool.makefile("rb").read().rstrip(b"\0"), type=Answer)


def talk(path: Path, *verbs: str) -> list[Answer]:
    with gevent.socket.socket(socket.AF_UNIX) as tool:
        tool.settimeout(PATIENCE)
        tool.connect(str(path))
        for verb in verbs:
            tool.sendall(b'{"id": "%s", "type": "%s"}\0' % (verb.encode(), verb.encode()))
        tool.shutdown(socket.SHUT_WR)
        frames = tool.makefile("rb").read().split(b"\0")[:-1]
    return [msgspec.json.decode(frame, type=Answer) for frame in frames]


def test_an_heir_takes_the_command_socket_though_its_file_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    before = Door(str(path))
    descriptor, _ = before.hand_over(None)
    path.unlink()
    heir = Door(str(path), gevent.socket.socket(fileno=descriptor))
    path.write_text("another's")
    heir.close()
    before.close()

    assert path.exists()


@pytest.mark.usefixtures("door")
def test_news_and_the_final_word_echo_the_id(tmp_path: Path) -> None:
    news, final = talk(tmp_path / "sock", "status")

    assert (news.id, news.status, news.message, news.data) == ("status", "PROCESSING", "news", {"pid": os.getpid()})
    assert (final.id, final.status, final.message, final.data) == ("status", "OK", "done", 1)


@pytest.mark.usefixtures("door")
def test_a_declined_request_ends_with_its_reason(tmp_path: Path) -> None:
    (final,) = talk(tmp_path / "sock", "begin")

    assert (final.status, final.message, final.data) == ("ERROR", "no", {"why": 2})


@pytest.mark.usefixtures("door")
def test_a_refusal_fits_into_a_frame_whatever_it_quotes(tmp_path: Path) -> None:
    verb = "x" * ((2 << 20) - 100)
    final = say(tmp_path / "sock", b'{"id": "1", "type": "%b"}' % verb.encode())

    assert final.message.startswith('type: unknown verb "xxx')
    assert final.message.endswith('xxx"; nothing was changed')
    assert len(final.message) < 2100


@pytest.mark.usefixtures("door")
def test_a_bug_in_a_verb_is_answered_and_others_go_on(tmp_path: Path) -> None:
    answers = {each.id: each for each in talk(tmp_path / "sock", "abort", "status") if each.final}

    assert answers["abort"].message.startswith("internal error")
    assert answers["status"].status == "OK"


@pytest.mark.usefixtures("door")
def test_a_tool_that_does_not_read_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "READING_PATIENCE", 0.1)
    with gevent.socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(str(tmp_path / "sock"))
        deaf.sendall(b'{"id": "1", "type": "dump_state"}\0')
        with gevent.Timeout(PATIENCE), pytest.raises(BrokenPipeError):
            send_without_end(deaf)


def send_without_end(tool: gevent.socket.socket) -> None:
    while True:
        tool.sendall(b" ")
        gevent.sleep(0)


@pytest.mark.usefixtures("door")
def test_another_user_is_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = Author(uid=os.getuid() + 1, pid=1, command="a stranger's tool")
    monkeypatch.setattr(door_module, "_peer", lambda _: stranger)
    (final,) = talk(tmp_path / "sock", "status")

    assert "may not command this proxy; nothing was changed" in final.message


@pytest.mark.usefixtures("door")
def test_the_socket_is_for_its_owner_only(tmp_path: Path) -> None:
    assert (tmp_path / "sock").stat().st_mode & 0o777 == 0o600


def test_a_burst_of_silent_tools_keeps_out_nobody(tmp_path: Path) -> None:
    door = Door(str(tmp_path / "sock"))
    with ExitStack() as opened:
        for _ in range(door_module.TOOLS_AT_ONCE):  # all are there before the first of them is served
            opened.enter_context(gevent.socket.socket(socket.AF_UNIX)).connect(str(tmp_path / "sock"))
        door.open_for(answer)

        assert talk(tmp_path / "sock", "status")[-1].status == "OK"
    door.close()


@pytest.mark.parametrize("number", [errno.EPROTO, errno.EPERM, errno.ENETUNREACH, errno.ECONNABORTED, errno.EMFILE])
def test_an_acceptor_outlives_what_ails_one_connection(number: int, caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = gevent.socket.socketpair()
    outcomes: Iterator[Any] = iter([OSError(number, os.strerror(number)), (ours, ""), OSError(errno.EBADF, "closed")])
    listening: Any = SimpleNamespace(accept=lambda: raised_or_given(next(outcomes)))
    served: list[gevent.socket.socket] = []
    with ours, theirs, pytest.raises(OSError, match="closed"):
        accept_each(listening, served.append)

    assert served == [ours]
    assert f"reason={errno.errorcode[number]}" in caplog.text


def raised_or_given(outcome: Any) -> Any:
    if isinstance(outcome, OSError):
        raise outcome
    return outcome


def test_a_stale_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "sock"))
        other.listen()
        with pytest.raises(CannotListen, match="another master listens there"):
            Door(str(tmp_path / "sock"))
    Door(str(tmp_path / "sock")).close()

    assert not (tmp_path / "sock").exists()


def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "sock").write_text("precious")
    with pytest.raises(CannotListen, match="no socket"):
        Door(str(tmp_path / "sock"))

    assert (tmp_path / "sock").read_text() == "precious"


def test_a_closing_door_leaves_the_socket_of_a_successor(tmp_path: Path) -> None:
    first = Door(str(tmp_path / "sock"))
    (tmp_path / "sock").rename(tmp_path / "moved")
    second = Door(str(tmp_path / "sock"))
    first.close()

    assert (tmp_path / "sock").exists()
    second.close()
