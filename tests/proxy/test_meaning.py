from collections.abc import Callable

import msgspec
import pytest

from sozu.command.draft import Change
from sozu.command.edits.facts import Hsts
from sozu.command.facts import Cluster, Frontend, Match, Timeouts
from sozu.command.routes import RouteTable
from sozu.command.settings import Settings
from sozu.parsers.body import CHUNKED, NO_BODY, Length
from sozu.parsers.reasons import Reason, Refusal
from sozu.parsers.result import Done
from sozu.proxy.answering.dressing import dressed
from sozu.proxy.failures import Denied
from sozu.proxy.heads import REQUEST_VIEW, RESPONSE_VIEW
from sozu.proxy.meaning import NOT_SIMPLE, Answered, Asked, treated, understand_request, understand_response
from sozu.proxy.stream import READ_SIZE

SETTINGS = Settings(command_socket="", journal="")
LISTENER = "127.0.0.1:8080"


def routes(*facts: Cluster | Frontend) -> RouteTable:
    return RouteTable().after([Change(None, fact) for fact in facts])


ROUTES = routes(Cluster(cluster="c"), Frontend(cluster="c", hostname="a.example"))


def asked(line: bytes, *fields: bytes, table: RouteTable = ROUTES, settings: Settings = SETTINGS) -> Asked:
    outcome = REQUEST_VIEW.fused(b"\r\n".join((line, *fields, b"", b"")))
    assert isinstance(outcome, Done)
    return understand_request(outcome.value, LISTENER, table, settings)


def answered(line: bytes, *fields: bytes, name: str | None = None) -> Answered:
    outcome = RESPONSE_VIEW.fused(b"\r\n".join((line, *fields, b"", b"")))
    assert isinstance(outcome, Done)
    return understand_response(outcome.value, name)


def test_a_request_is_understood_with_its_route() -> None:
    meaning = asked(b"GET /x?q HTTP/1.1", b"Host: A.example:81", b"User-Agent: test")
    assert meaning.cluster is not None
    assert meaning.cluster.cluster == "c"
    assert (meaning.framing, meaning.keep, meaning.idempotent, meaning.bare, meaning.last_hop) == (NO_BODY, True, True, True, False)
    assert meaning.head == b"GET /x?q HTTP/1.1\r\nHost: A.example:81\r\nUser-Agent: test\r\n"
    assert (meaning.texts.method, meaning.texts.authority, meaning.texts.path) == (b"GET", b"A.example:81", b"/x?q")


def test_a_host_without_a_route_has_no_cluster() -> None:
    assert asked(b"GET / HTTP/1.1", b"Host: b.example").cluster is None


@pytest.mark.parametrize(
    ("line", "field", "is_so"),
    [
        (b"GET / HTTP/1.0", b"X: 1", lambda meaning: not meaning.keep and meaning.texts.minor == 0),
        (b"POST / HTTP/1.1", b"Content-Length: 3", lambda meaning: meaning.framing == Length(3) and not meaning.idempotent),
        (b"HEAD / HTTP/1.1", b"X: 1", lambda meaning: not meaning.bare and meaning.idempotent),
        (b"OPTIONS / HTTP/1.1", b"Max-Forwards: 0", lambda meaning: meaning.last_hop),
        (b"OPTIONS / HTTP/1.1", b"Max-Forwards: 1", lambda meaning: not meaning.last_hop),
        (b"GET / HTTP/1.1", b"Max-Forwards: 0", lambda meaning: not meaning.last_hop),
    ],
)
def test_what_follows_from_a_request(line: bytes, field: bytes, is_so: Callable[[Asked], bool]) -> None:
    assert is_so(asked(line, b"Host: a.example", field))


def test_of_a_refused_request_the_log_still_tells() -> None:
    meaning = asked(b"GET /x HTTP/1.1", b"X: 1")
    assert isinstance(meaning.framing, Refusal)
    assert meaning.framing.reason is Reason.HOST_MISSING
    assert (meaning.texts.method, meaning.texts.path, meaning.keep) == (b"GET", b"/x", False)


def test_a_cluster_may_have_its_own_times_and_rate() -> None:
    own = Cluster(cluster="c", timeouts=Timeouts(back=7), min_rate=5)
    table = routes(own, Frontend(cluster="c", hostname="*"))
    meaning = asked(b"GET / HTTP/1.1", b"Host: a", table=table)
    assert (meaning.timeouts.back, meaning.min_rate) == (7, 5)
    meaning = asked(b"GET / HTTP/1.1", b"Host: a.example", settings=Settings(command_socket="", journal="", min_rate=9))
    assert (meaning.timeouts, meaning.min_rate) == (SETTINGS.timeouts, 9)


def test_our_name_goes_both_ways() -> None:
    named = Settings(command_socket="", journal="", via="edge")
    assert asked(b"GET / HTTP/1.0", b"Host: a.example", settings=named).head.endswith(b"\r\nVia: 1.0 edge\r\n")
    assert answered(b"HTTP/1.1 200 OK", name="edge").head.endswith(b"\r\nVia: 1.1 edge\r\n")


@pytest.mark.parametrize(
    ("fields", "simple"),
    [
        ((b"Date: now", b"Content-Length: 5"), 5),
        ((b"Date: now", b"Content-Length: 0"), 0),
        ((b"Content-Length: 5",), NOT_SIMPLE),
        ((b"Date: now", b"Content-Length: %d" % READ_SIZE), READ_SIZE),
        ((b"Date: now", b"Content-Length: %d" % (READ_SIZE + 1)), NOT_SIMPLE),
        ((b"Date: now", b"Transfer-Encoding: chunked"), NOT_SIMPLE),
        ((b"Date: now",), NOT_SIMPLE),
        ((b"Date: now", b"Content-Length: 5", b"Transfer-Encoding: chunked"), NOT_SIMPLE),
    ],
)
def test_which_responses_are_simple(fields: tuple[bytes, ...], simple: int) -> None:
    assert answered(b"HTTP/1.1 200 OK", *fields).simple == simple


def test_a_response_says_how_it_ends_and_goes_on() -> None:
    meaning = answered(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", b"Connection: close")
    assert (meaning.framing, meaning.keep, meaning.head) == (CHUNKED, False, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n")


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        (b"GET /%61/../b?x=../%41 HTTP/1.1", b"GET /b?x=../%41 HTTP/1.1"),
        (b"GET http://a.example/./x HTTP/1.1", b"GET /x HTTP/1.1"),
        (b"GET /a//b?c=%2F HTTP/1.1", b"GET /a//b?c=%2F HTTP/1.1"),
        (b"GET /%c3%bc HTTP/1.1", b"GET /%c3%bc HTTP/1.1"),
    ],
)
def test_a_backend_gets_the_path_that_was_routed(line: bytes, sent: bytes) -> None:
    assert asked(line, b"Host: a.example").head == sent + b"\r\nHost: a.example\r\n"


def test_a_path_that_origins_read_in_two_ways_is_refused() -> None:
    meaning = asked(b"GET /x/..;/admin HTTP/1.1", b"Host: a.example")

    assert isinstance(meaning.framing, Refusal)
    assert meaning.framing.reason is Reason.PATH_DOTS
    assert meaning.texts.path == b"/x/..;/admin"


def test_slashes_are_read_as_the_settings_say() -> None:
    merging = msgspec.structs.replace(SETTINGS, merge_slashes=True, encoded_slashes=False)
    refused = asked(b"GET /a%2Fb HTTP/1.1", b"Host: a.example", settings=merging).framing

    assert asked(b"GET //a///b HTTP/1.1", b"Host: a.example", settings=merging).head.startswith(b"GET /a/b HTTP/1.1\r\n")
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.PATH_SEPARATOR


def test_conditions_look_at_the_request() -> None:
    table = routes(
        Cluster(cluster="c"),
        Cluster(cluster="d"),
        Frontend(cluster="c", hostname="a.example"),
        Frontend(cluster="d", hostname="a.example", methods=("POST",), headers=(Match(name="x-beta"),)),
    )
    plain = asked(b"POST / HTTP/1.1", b"Host: a.example", b"Content-Length: 0", table=table)
    beta = asked(b"POST / HTTP/1.1", b"Host: a.example", b"Content-Length: 0", b"X-Beta: 1", table=table)

    assert (plain.cluster, beta.cluster) == (Cluster(cluster="c"), Cluster(cluster="d"))


@pytest.mark.parametrize(("scheme", "told"), [(b"https", True), (b"http", False)])
def test_browsers_are_told_over_tls_alone_to_come_back_over_tls(scheme: bytes, told: object) -> None:
    table = routes(Cluster(cluster="c"), Frontend(cluster="c", hostname="a.example", hsts=Hsts(max_age=5), deny=403))
    outcome = REQUEST_VIEW.fused(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert isinstance(outcome, Done)
    meaning = understand_request(outcome.value, LISTENER, table, SETTINGS, scheme)
    assert meaning.special is not None
    response = treated(answered(b"HTTP/1.1 200 OK", b"strict-transport-security: max-age=1", b"Content-Length: 0"), meaning.special, None)
    refused = dressed(Denied(403, "", "denied"), meaning, table)

    for lines in (response.head, refused.fields):
        assert (b"Strict-Transport-Security: max-age=5\r\n" in lines) is told
    assert (b"max-age=1" in response.head) is not told
