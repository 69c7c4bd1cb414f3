from datetime import datetime
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.command.settings import LogFormat
from sozu.proxy.access_log.json_lines import json_formatter
from sozu.proxy.access_log.ncsa_lines import combined_formatter, common_formatter
from sozu.proxy.access_log.writing import formatter_for
from sozu.proxy.entry import Entry, Texts, texts_of, with_tls

NOON = 1_700_000_000.25  # 2023-11-14 22:13:20.25 UTC


def noon() -> float:
    return NOON


def at_noon() -> float:
    """The monotonic clock."""
    return 100.25


USUAL = Entry(
    request_id=b"7f3a",
    session=12,
    client=b"192.0.2.7:40312",
    texts=texts_of(b"GET", b"blog.example.com", b"/a?b=c", b"curl/8"),
    status=200,
    started=100.0,
    connected=100.001,
    responded=100.2,
    finished=100.25,
    cluster="blog",
    backend="127.0.0.1:9001",
    bytes_in=120,
    bytes_out=4096,
    retries=0,
    ended=None,
)


def asking(
    *,
    method: bytes = b"GET",
    authority: bytes = b"blog.example.com",
    path: bytes = b"/a?b=c",
    agent: bytes | None = b"curl/8",
    **others: Any,
) -> Entry:
    return USUAL._replace(texts=texts_of(method, authority, path, agent), **others)


@pytest.mark.parametrize("quick", [True, False])
def test_a_json_line_says_when_it_began_and_how_long_it_took(*, quick: bool) -> None:
    texts = USUAL.texts if quick else Texts(b"GET", b"blog.example.com", b"/a?b=c", b"curl/8")
    line = json_formatter(noon, 3, at_noon)([USUAL._replace(texts=texts)])
    assert line.endswith(b"}\n")
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.000Z",
        "request_id": "7f3a",
        "worker": 3,
        "session": 12,
        "client": "192.0.2.7:40312",
        "method": "GET",
        "host": "blog.example.com",
        "path": "/a?b=c",
        "status": 200,
        "duration": 0.25,
        "bytes_in": 120,
        "bytes_out": 4096,
        "cluster": "blog",
        "backend": "127.0.0.1:9001",
        "connect": 0.001,
        "response": 0.2,
        "user_agent": "curl/8",
    }


def test_a_json_line_leaves_out_what_there_was_not() -> None:
    entry = asking(authority=b"", agent=None, cluster=None, backend=None, connected=None, status=400, retries=2, ended="head_timeout")
    values = json.loads(json_formatter(noon)([entry]))
    assert values["host"] == ""
    assert (values["retries"], values["ended"]) == (2, "head_timeout")
    assert not {"cluster", "backend", "connect", "user_agent"} & set(values)


@pytest.mark.parametrize("agent", [None, b""])
def test_who_does_not_say_his_name_is_as_usual_as_others(agent: bytes | None) -> None:
    nameless = asking(agent=agent)
    assert nameless.texts.json is not None
    usual, unusual = (json.loads(json_formatter(noon, monotonic=at_noon)([entry])) for entry in (nameless, nameless._replace(ended="cut")))
    assert "user_agent" not in usual
    assert usual == {name: value for name, value in unusual.items() if name != "ended"}


def test_the_second_is_made_anew_when_it_changes() -> None:
    formatter = json_formatter(noon, monotonic=at_noon)
    times = [json.loads(formatter([USUAL._replace(started=started)]))["time"] for started in (100.0, 100.5, 101.25, 99.75)]
    assert [time.removeprefix("2023-11-14T22:13:") for time in times] == ["20.000Z", "20.500Z", "21.250Z", "19.750Z"]


def test_a_clock_that_is_set_shows_from_the_next_second_on() -> None:
    walls = iter([NOON, NOON + 3600])
    formatter = json_formatter(lambda: next(walls), monotonic=at_noon)
    times = [json.loads(formatter([USUAL._replace(started=started)]))["time"] for started in (100.0, 100.5, 101.0)]
    assert times == ["2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.500Z", "2023-11-14T23:13:21.000Z"]


def test_entries_become_lines_in_their_order() -> None:
    entries = [USUAL._replace(session=number, retries=number % 2) for number in range(9)]
    for formatter in map(formatter_for, LogFormat):
        lines = formatter(entries)
        assert lines == b"".join(formatter([entry]) for entry in entries)
        assert lines.count(b"\n") == 9


@given(started=st.floats(0, 1e6), wall=st.floats(1e9, 2e9))
def test_a_line_shows_the_millisecond_in_which_it_began(started: float, wall: float) -> None:
    formatter = json_formatter(lambda: wall, monotonic=at_noon)
    shown = json.loads(formatter([USUAL._replace(started=started - 0.0004), USUAL._replace(started=started)]).splitlines()[1])["time"]
    moment = datetime.fromisoformat(shown).timestamp()
    assert 0 <= wall - at_noon() + started - moment < 0.001001


def test_the_common_format() -> None:
    line = common_formatter(noon)([USUAL])
    assert line == b'192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] "GET /a?b=c HTTP/1.1" 200 4096\n'


def test_the_common_format_tells_the_version_that_was_asked_in() -> None:
    line = common_formatter(noon)([USUAL._replace(texts=texts_of(b"GET", b"", b"/", None, 0))])
    assert b'"GET / HTTP/1.0"' in line


def test_the_common_format_shows_a_dash_for_what_there_was_not() -> None:
    line = common_formatter(noon)([asking(client=b"", method=b"", path=b"", status=0, bytes_out=0)])
    assert line == b'- - - [14/Nov/2023:22:13:20 +0000] "- - HTTP/1.1" - -\n'


def test_the_combined_format_escapes_quotes_and_backslashes() -> None:
    line = combined_formatter(noon)([asking(client=b"[::1]:5", agent=b'a "b" \\c\n')])
    assert line.startswith(b"[::1] - - [")
    assert line.endswith(b'200 4096 "-" "a \\"b\\" \\\\c\\x0a"\n')


def test_json_escapes_what_it_would_anyway_and_we_escape_the_rest() -> None:
    assert json.loads(json_formatter(noon)([asking(agent=b'"\\\x01')]))["user_agent"] == '"\\\x01'
    assert json.loads(json_formatter(noon)([asking(agent=b"\x1b[31m\x7f\xe9")]))["user_agent"] == "\\x1b[31m\\x7f\\xe9"


def test_names_of_the_configuration_are_escaped_in_a_plain_line_too() -> None:
    line = json_formatter(noon)([USUAL._replace(cluster='"caf\u00e9"', backend="a\\b")])
    assert line.isascii()
    assert (json.loads(line)["cluster"], json.loads(line)["backend"]) == ('"caf\\xe9"', "a\\b")


def test_a_text_beyond_latin_1_is_escaped_too() -> None:
    assert json.loads(json_formatter(noon)([USUAL._replace(cluster="caf\u00e9 \u0416")]))["cluster"] == "caf\\xe9 \\u0416"


@pytest.mark.parametrize("kind", list(LogFormat))
@given(hostile=st.binary(max_size=60))
def test_a_line_is_one_line_of_printable_ascii_whatever_a_client_sends(kind: LogFormat, hostile: bytes) -> None:
    entry = asking(method=hostile, authority=hostile, path=hostile, agent=hostile, request_id=hostile)
    line = formatter_for(kind)([entry])
    assert line[-1:] == b"\n"
    assert all(0x20 <= byte < 0x7F for byte in line[:-1])


@given(method=st.binary(max_size=9), path=st.binary(max_size=30), agent=st.binary(min_size=1, max_size=30), retries=st.integers(0, 1))
def test_a_quick_line_says_what_a_careful_one_would(method: bytes, path: bytes, agent: bytes, retries: int) -> None:
    entry = asking(method=method, path=path, agent=agent, retries=retries, ended="x" if retries else None)
    values = json.loads(json_formatter(noon)([entry]))
    shown = [text.decode("latin-1") for text in (method, path, agent)]
    if "".join(shown).isascii() and "\x7f" not in "".join(shown):
        assert [values["method"], values["path"], values["user_agent"]] == shown
    assert values.get("retries", 0) == retries
    assert (values["status"], values["duration"], values["backend"]) == (200, 0.25, "127.0.0.1:9001")


def test_a_request_over_tls_tells_version_and_name() -> None:
    texts = with_tls(texts_of(b"GET", b"a.example", b"/", b"curl"), "TLSv1.3", "a.example")
    usual = json.loads(json_formatter(noon, 0, at_noon)([USUAL._replace(texts=texts)]))
    unusual = json.loads(json_formatter(noon, 0, at_noon)([USUAL._replace(texts=texts, ended="cut")]))
    nameless = json.loads(json_formatter(noon, 0, at_noon)([USUAL._replace(texts=with_tls(texts, "TLSv1.2", None))]))
    assert [(line["tls"], line.get("sni")) for line in (usual, unusual, nameless)] == [
        ("TLSv1.3", "a.example"),
        ("TLSv1.3", "a.example"),
        ("TLSv1.2", None),
    ]
