"""Speed of the parsers beside httptools (C), h11 and the combinators step by step: `python benchmarks/parsers.py [--quick]`.

All arms of a row run interleaved in one process; a ratio is taken round by round and its median is printed, so that a busy machine
slows all arms alike. httptools runs with a fresh parser and all callbacks, as a proxy needs it. `--callgrind` counts instructions
with valgrind as a second witness. "must" is what an issue holds us to, and not a claim about your machine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import shutil
from statistics import median
import subprocess
import sys
import time

import h11
import httptools

from sozu.parsers.body import request_framing
from sozu.parsers.chunked import ChunkedReader
from sozu.parsers.head_reader import HeadReader
from sozu.parsers.http1 import RequestHead, request_head
from sozu.parsers.regular import Regular
from sozu.parsers.result import Done, Incomplete
from sozu.parsers.views import RequestView, ViewParser, build_request_view, request_view

Arm = Callable[[bytes], object]

LINE = b"GET /articles/2024/how-to-write-a-parser?page=2&sort=ascending HTTP/1.1\r\n"
BROWSER = [
    (b"Host", b"blog.example.com"),
    (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"),
    (b"Accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    (b"Accept-Language", b"en-GB,en;q=0.7,fr;q=0.3"),
    (b"Accept-Encoding", b"gzip, deflate, br, zstd"),
    (b"Referer", b"https://blog.example.com/articles/2024/"),
    (b"Connection", b"keep-alive"),
    (b"Cookie", b"session=d41d8cd98f00b204e9800998ecf8427e; theme=dark"),
    (b"Upgrade-Insecure-Requests", b"1"),
    (b"Sec-Fetch-Dest", b"document"),
    (b"Sec-Fetch-Mode", b"navigate"),
    (b"Cache-Control", b"max-age=0"),
]
MORE = [
    (b"Sec-Fetch-Site", b"same-origin"),
    (b"DNT", b"1"),
    (b"Priority", b"u=0, i"),
    (b"X-Forwarded-For", b"203.0.113.7, 198.51.100.12"),
    (b"X-Request-Id", b"5b1f6f0a-6f5e-4e0d-9f3a-1c2d3e4f5a6b"),
    (b"If-None-Match", b'W/"33a64df551425fcc55e4d42a148795d9f25f89d4"'),
    (b"If-Modified-Since", b"Wed, 21 Oct 2015 07:28:00 GMT"),
    (b"Authorization", b"Bearer " + b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." * 12),
]


def head(fields: list[tuple[bytes, bytes]], size: int, line: bytes = LINE) -> bytes:
    """A head of exactly `size` bytes: the last value is stretched."""
    text = line + b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    return text[:-2] + b"x" * (size - len(text) - 2) + b"\r\n\r\n"


LARGE = [*BROWSER, *MORE, *((b"X-Custom-Field-%d" % n, b"some value of middling length, number %d...." % n) for n in range(20))]
HEADS = [
    head([(b"Host", b"a.example"), (b"Accept", b"*")], 50, b"GET /a HTTP/1.1\r\n"),
    head(BROWSER, 661),
    head(LARGE, 2937),
]


class Callbacks:
    """What httptools calls, as in a server."""

    __slots__ = ("complete", "fields", "target")

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_message_begin(self) -> None: ...
    def on_url(self, url: bytes) -> None:
        self.target = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.complete = True

    def on_message_complete(self) -> None: ...


def by_httptools(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes, bytes, str, bool]:
    seen = Callbacks()
    parser = httptools.HttpRequestParser(seen)
    parser.feed_data(data)
    return seen.fields, parser.get_method(), seen.target, parser.get_http_version(), parser.should_keep_alive()


def by_h11(data: bytes) -> object:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    return connection.next_event()


OURS_END = b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n\r\n"
COLON = ord(":")
CUT = request_view.cuts


def rebuilt_by_httptools(data: bytes) -> bytes:
    """Parse, route key, framing, upstream head: what a proxy does, on top of httptools."""
    fields, method, target, _, _ = by_httptools(data)
    lines, host, length, coding = [method + b" " + target + b" HTTP/1.1\r\n"], b"", None, None
    for name, value in fields:
        key = name.lower()
        if key == b"host":
            host = value if COLON not in value else value.partition(b":")[0]
        elif key == b"content-length":
            length = value
        elif key == b"transfer-encoding":
            coding = value
        if key not in CUT:
            lines += (name, b": ", value, b"\r\n")
    assert host
    assert length is None or coding is None
    lines.append(OURS_END)
    return b"".join(lines)


def rebuilt_by_view(data: bytes, fused: Arm = request_view.fused) -> bytes:
    """The same on top of the view."""
    outcome = fused(data)
    assert isinstance(outcome, Done)
    view = outcome.value
    host = view.host if COLON not in view.host else view.host.partition(b":")[0]
    request_framing(view)
    assert host
    rebuilt: bytes = view.passed_head() + OURS_END
    return rebuilt


FIFTEEN = build_request_view(
    b"cookie accept accept-encoding user-agent referer authorization if-none-match range origin".split(), drop=()
)
SIX: ViewParser[RequestView] = build_request_view(drop=())
STEPWISE = Regular[RequestHead](request_head.tree)


def edited(data: bytes) -> bytes:
    """The same with two lines that have to be cut, and of nearly the same length."""
    fields = b"Connection: keep-alive\r\nX-Forwarded-For: 1.2.3.4\r\n"
    return data.replace(b"Connection: keep-alive\r\n", b"").replace(b"X-Forwarded-For: 203.0.113.7, 198.51.100.12\r\n", b"").replace(
        b"Accept", fields + b"Accept", 1
    )


def timed(arms: dict[str, Arm], data: bytes, rounds: int, calls: int) -> dict[str, list[float]]:
    """Microseconds a call, for each round of each arm."""
    taken: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(rounds):
        for name, arm in arms.items():
            begin = time.perf_counter()
            for _ in range(calls):
                arm(data)
            taken[name].append((time.perf_counter() - begin) / calls * 1e6)
    return taken


def ratio(over: list[float], under: list[float]) -> float:
    return median(one / other for one, other in zip(over, under, strict=True))


def heads_table(rounds: int) -> None:
    rows: list[tuple[str, str, str, Arm, Arm]] = [
        ("view, 6 slots", "httptools", "0.55 / 0.75 / 0.85", SIX.fused, by_httptools),
        ("view of the proxy: 6 slots, 12 cuts", "httptools", "-", request_view.fused, by_httptools),
        ("view, 15 slots", "httptools", "0.60 / 0.85 / 1.0", FIFTEEN.fused, by_httptools),
        ("list of (name, value)", "httptools", "0.75 / 1.05 / 1.4", request_head.fused, by_httptools),
        ("pipeline", "httptools + rebuild", "0.6 / 0.6 / 0.6", rebuilt_by_view, rebuilt_by_httptools),
        ("pipeline, two lines cut", "httptools + rebuild", "0.7 / 0.7 / 0.7", rebuilt_by_view, rebuilt_by_httptools),
        ("h11", "view, 15 slots", ">= 15 / 12 / 10", by_h11, FIFTEEN.fused),
        ("combinators step by step", "list", "-", lambda data: STEPWISE(data, 0), request_head.fused),
    ]
    print(f"{'arm':38} {'as share of':20} {'50 B':>12} {'661 B':>12} {'2937 B':>12}   must")
    for name, beside, must, arm, other in rows:
        cells = []
        for data in HEADS:
            text = edited(data) if "cut" in name and "pipeline" in name else data
            calls = 20 if "step" in name else 300
            taken = timed({"arm": arm, "other": other}, text, rounds, calls)
            cells.append(f"{ratio(taken['arm'], taken['other']):.2f} {median(taken['arm']):5.2f}us")
        print(f"{name:38} {beside:20} {cells[0]:>12} {cells[1]:>12} {cells[2]:>12}   {must}", flush=True)


def counts(rounds: int) -> None:
    """The list by number of fields: its pattern comes in three sizes, chosen by the length of the input."""
    cells = []
    for number in (1, 5, 9, 13, 16, 24, 32):
        data = LINE + b"".join(name + b": " + value + b"\r\n" for name, value in LARGE[:number]) + b"\r\n"
        taken = timed({"arm": request_head.fused, "other": by_httptools}, data, rounds, 300)
        cells.append(f"{number}: {ratio(taken['arm'], taken['other']):.2f}")
    print(f"list of (name, value) as share of httptools, by number of fields: {'  '.join(cells)}")


def chunks(rounds: int) -> None:
    count = 1000
    data = b"".join(b"10\r\n" + b"a" * 16 + b"\r\n" for _ in range(count)) + b"0\r\n\r\n"
    head_of = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    def by_h11_chunks(body: bytes) -> None:
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(head_of + body)
        while type(connection.next_event()) is not h11.EndOfMessage:
            continue

    taken = timed({"ours": lambda body: ChunkedReader().feed(body), "h11": by_h11_chunks}, data, rounds // 5 + 1, 3)
    ours, theirs = median(taken["ours"]) / count, median(taken["h11"]) / count
    print(f"chunk framing: {ours:.3f} us a chunk, h11 {theirs:.2f} us, {theirs / ours:.0f} times   (must: 0.33 us or 15 times)")


def drip(rounds: int) -> None:
    def ours(data: bytes) -> None:
        reader = HeadReader(request_view)
        for at in range(len(data) - 1):
            assert type(reader.feed(data[at : at + 1])) is Incomplete

    def theirs(data: bytes) -> None:
        connection = h11.Connection(h11.SERVER)
        for at in range(len(data) - 1):
            connection.receive_data(data[at : at + 1])
            connection.next_event()

    for size in (8000, 16000):
        data = b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"Name: " + b"v" * 120 + b"\r\n") * (size // 128) + b"\r\n"
        taken = timed({"ours": ours, "h11": theirs}, data, rounds // 10 + 1, 1)
        cells = [median(taken[name]) / len(data) for name in ("ours", "h11")]
        print(f"dripped, {size} B: {cells[0]:.2f} us a byte, h11 {cells[1]:.2f}   (must: below h11, linear)")


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "many short lines, then NUL": lambda size: b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * (size // 5) + b"a:\0",
    "one long value, then NUL": lambda size: b"GET / HTTP/1.1\r\na:" + b"b" * size + b"\0",
    "blanks, then NUL": lambda size: b"GET / HTTP/1.1\r\na:" + b" " * size + b"\0",
    "look-alike, never ending": lambda size: b"GET / HTTP/1.1\r\nc" + b"-" * size + b"\0",
    "almost content-length": lambda size: b"GET / HTTP/1.1\r\n" + b"Content-Lengt: 1\r\n" * (size // 18) + b"\0",
    "long target": lambda size: b"GET /" + b"a" * size + b"\0",
}


def hostile() -> None:
    for name, make in HOSTILE.items():
        cells = []
        for size in (16 << 10, 256 << 10):
            data = make(size)
            cells.append(min(timed({"": request_view.fused}, data, 7, 1)[""]) / len(data) * 1e3)
        growth = cells[1] / cells[0]
        print(f"hostile, {name}: {cells[0]:.1f} -> {cells[1]:.1f} ns a byte, ratio {growth:.2f}   (must: 1.25 at most; aim 60 ns)")


def imports() -> None:
    def seconds(code: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)
        return time.perf_counter() - begin

    def ready(code: str) -> float:
        return min(seconds(code) for _ in range(5))

    bare = ready("pass")
    imported = ready("import sozu.parsers.views") - bare
    used = ready("from sozu.parsers.views import request_view, response_view; request_view.fused, response_view.fused") - bare
    print(f"import of the HTTP grammar: {imported * 1e3:.0f} ms; with both views compiled {used * 1e3:.0f} ms   (must: 100 ms)")


def callgrind() -> None:
    """Instructions a call, by difference of two runs."""
    for name in ("SIX.fused", "FIFTEEN.fused", "request_head.fused", "by_httptools"):
        cells = []
        for number in range(3):
            counts = [instructions(name, number, calls) for calls in (100, 600)]
            cells.append(f"{(counts[1] - counts[0]) / 500 / 1000:.1f}k")
        print(f"instructions, {name:20} {' / '.join(cells)}", flush=True)


def instructions(name: str, number: int, calls: int) -> int:
    code = f"import parsers; arm = parsers.{name}; data = parsers.HEADS[{number}]\nfor _ in range({calls}): arm(data)"
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-c", code]
    folder = Path(__file__).parent
    env = {"PYTHONPATH": f"{folder}:{folder.parent}", "PYTHONHASHSEED": "0"}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stderr
    return int(said.partition("Collected : ")[2].split()[0])


def main() -> None:
    rounds = 20 if "--quick" in sys.argv else 150
    heads_table(rounds)
    counts(rounds)
    chunks(rounds)
    drip(rounds)
    hostile()
    imports()
    if "--callgrind" in sys.argv and shutil.which("valgrind"):
        callgrind()


if __name__ == "__main__":
    main()
