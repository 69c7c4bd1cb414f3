from collections.abc import Iterator
from pathlib import Path
import re

import pytest

from sozu.command.edits.facts import AnswerPage, Hsts
from sozu.command.facts import Backend, Cluster, Frontend, Listener, Protocol
from sozu.command.rules.answers import ANSWERED
from sozu.proxy.default_answers import PAGES, chosen_page, filled_page
from sozu.proxy.edits.heads import hsts_line
from tests.proxy.lab import LISTENER, Lab, field, opened

PLACES = "{status} {title} {reason} {request_id} {host} {path} {{}}"


@pytest.mark.parametrize(
    ("media", "filled"),
    [
        ("text/plain", b'404 Not Found no-route 7f "h" /<p> {}'),
        ("text/html; charset=utf-8", b"404 Not Found no-route 7f &quot;h&quot; /&lt;p&gt; {}"),
        ("image/svg+xml", b"404 Not Found no-route 7f &quot;h&quot; /&lt;p&gt; {}"),
        ("application/problem+json", b'404 Not Found no-route 7f \\"h\\" /<p> {}'),
    ],
)
def test_a_page_is_filled_as_its_media_type_wants_it(media: str, filled: bytes) -> None:
    page = AnswerPage(status=404, body=PLACES, type=media)

    assert filled_page(page, "no-route", b"7f", b'"h"', b"/<p>") == filled


def test_the_first_page_for_a_status_is_taken() -> None:
    pages = [AnswerPage(status=status, body=body) for status, body in ((404, "a"), (503, "b"), (503, "c"))]

    assert chosen_page(pages, 503) is pages[1]
    assert chosen_page(pages, 502) is None


def test_every_status_that_may_have_a_page_is_one_that_the_proxy_answers_with() -> None:
    assert set(ANSWERED) == {status for status in PAGES if status >= 400}


@pytest.fixture
def lab() -> Iterator[Lab]:
    pages = (AnswerPage(status=404, body="ours: {reason}"), AnswerPage(status=503, body="ours"), AnswerPage(status=400, body="ours: {reason}"))
    with opened(Lab(answers=pages)) as lab:
        yield lab


def get(host: bytes, version: bytes = b"1.1") -> bytes:
    return b"GET / HTTP/%b\r\nHost: %b\r\n\r\n" % (version, host)


def test_the_page_of_the_cluster_goes_before_the_listeners_and_that_before_the_settings(lab: Lab) -> None:
    page = AnswerPage(status=503, body="<b>{host}</b>", type="text/html")
    lab.change(
        Listener(protocol=Protocol.HTTP, address=LISTENER, answers=(AnswerPage(status=503, body="listener's"), AnswerPage(status=400, body="too"))),
        Cluster(cluster="own", answers=(page,)),
        Cluster(cluster="none"),
        Frontend(cluster="own", hostname="own.example"),
        Frontend(cluster="none", hostname="none.example"),
    )
    head, body = lab.client(get(b"own.example:80")).answer()
    assert (field(head, b"content-type"), body) == (b"text/html", b"<b>own.example</b>")
    assert lab.client(get(b"none.example")).answer()[1] == b"listener's"
    assert lab.client(get(b"none.example", b"1.0")).answer()[1] == b"listener's"
    assert lab.client(get(b"a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1")).answer()[1] == b"too"

    lab.change(Listener(protocol=Protocol.HTTP, address=LISTENER), remove=True)
    assert lab.client(get(b"none.example")).answer()[1] == b"ours"


def test_what_is_no_request_gets_the_page_of_the_settings(lab: Lab) -> None:
    assert lab.client(b"what?\r\n\r\n").answer()[1] == b"ours: method"


def test_a_page_without_a_place_of_ours_tells_its_reason_and_the_request() -> None:
    with opened(Lab()) as lab:
        lab.change(Backend(cluster="c", address="10.0.0.1:80"), remove=True)
        head, body = lab.client(get(b"a.example")).answer()
        told = b"reason no-backend, request %b\n" % field(head, b"sozu-id")
        assert body == b"503 Service Unavailable: The site is not available now.\n" + told
        browser = lab.client(b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n")
        assert b"<small>reason no-backend, request " in browser.answer()[1]
        assert b"reason method, request " in lab.client(b"what?\r\n\r\n").answer()[1]


@pytest.mark.parametrize(
    ("hsts", "line"),
    [
        (Hsts(), b"max-age=31536000"),
        (Hsts(max_age=0), b"max-age=0"),
        (Hsts(include_subdomains=True, preload=True), b"max-age=31536000; includeSubDomains; preload"),
    ],
)
def test_strict_transport_security_is_written_as_its_rfc_has_it(hsts: Hsts, line: bytes) -> None:
    assert hsts_line(hsts) == b"Strict-Transport-Security: %b\r\n" % line


def test_every_reason_of_the_data_path_is_documented() -> None:
    root = Path(__file__).parents[2]
    source = "".join((root / "sozu" / "proxy" / name).read_text() for name in ("failures.py", "edits/gate.py", "exchange.py"))
    told = set(re.findall(r'(?:reason=?|\d, |status, |TIMEOUT, |", )(?: = )?"([a-z]+(?:-[a-z]+)*)"', source)) - {"counted"}

    assert {"no-route", "backend-failed", "address", "backends-busy"} <= told
    assert [reason for reason in told if f"`{reason}`" not in (root / "docs" / "configuration.md").read_text()] == []
