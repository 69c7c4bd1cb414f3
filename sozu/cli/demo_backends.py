"""What `sozu serve --demo` shows: two small backends in one process.

It prints their addresses as one line of JSON and ends when its standard input ends, hence with its parent however that
dies. Loopback only; the ports are the kernel's choice.
"""

from collections.abc import Callable, Iterable
from html import escape
import json
import signal
import sys
from typing import Any, Final

from gevent.fileobject import FileObjectThread
from gevent.pywsgi import WSGIServer

# Two, since one would not show that requests are spread; and of different colours, so that one sees at a glance who has answered.
COLOURS: Final = ("red", "blue")

_PAGE: Final = """<!doctype html>
<meta charset="utf-8"><title>sozu demo: {colour}</title>
<body style="font: 1.2em sans-serif; margin: 15%; border-left: .4em solid {colour}; padding-left: 1em">
<h1>Hello from {colour}</h1>
<p>You asked for {path}. Ask again: the other backend may answer.</p>
"""

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


def application(colour: str) -> Application:
    """A WSGI application that says who answered and what was asked for."""

    def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        # WSGI hands the path on as Latin-1, whatever it is (PEP 3333); escaped, as a stranger's link could put a script into the page else.
        path = escape(environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"))
        page = _PAGE.format(colour=colour, path=path).encode()
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(page)))])
        return [page]

    return answer


def main() -> None:
    """Serve until standard input ends. Ctrl-C in the terminal is the master's business: it drains first."""
    # A terminal sends Ctrl-C to the whole group: without this line the backends would be gone before the exchanges that the master lets end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Without a log: it would write a line for each request between those of the master, on the same standard error.
    servers = [WSGIServer(("127.0.0.1", 0), application(colour), log=None) for colour in COLOURS]
    for server in servers:
        server.start()
    # Flushed, because a pipe is no terminal and Python would keep the line until the process ends, with the parent waiting for it.
    print(json.dumps([f"127.0.0.1:{server.server_port}" for server in servers]), flush=True)  # noqa: T201 - the parent reads it
    # Read in a thread of gevent's, so that the loop serves while this waits for the end.
    FileObjectThread(sys.stdin.fileno(), "rb", closefd=False).read()


if __name__ == "__main__":
    main()
