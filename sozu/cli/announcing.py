"""What `sozu serve` says when its workers accept: where it is, and what to type next."""

from collections.abc import Callable, Iterator
import json
from pathlib import Path
import shlex

import click
import msgspec

from sozu import __version__
from sozu.cli.listing import presentable
from sozu.master import Started

MOST_SHOWN = 10  # orders of a difference; the rest is counted


def announcer(file: Path | None, socket: str | None, *, routed: bool) -> Callable[[Started], None]:
    """Say it on standard output; what the journal kept out of the file, on standard error.

    `socket` is the path that the next command must name, if it would not find it by itself; `routed` is false while there is
    nothing to proxy to.
    """
    # Quoted, since these lines are there to be copied into a shell, and a folder may have a blank in its name.
    sozu = "sozu" if socket is None else f"sozu --socket {shlex.quote(socket)}"

    # The master calls this from its own greenlet, once, when the first workers accept: what fails here, such as a closed standard output, is for it
    # to log, and does not end the proxy.
    def announce(started: Started) -> None:
        click.echo("\n".join(_lines(started, sozu, routed=routed)))
        if started.difference:
            click.echo("\n".join(_difference(started, file)), err=True)

    return announce


def _lines(started: Started, sozu: str, *, routed: bool) -> Iterator[str]:
    yield f"sozu {__version__} is running, master pid {started.pid}, revision {started.revision}"
    for listener in started.listeners:
        yield f"  listening on    {listener.address if listener.address.startswith('unix:') else f'{listener.protocol}://{listener.address}'}"
    # A journal may hold none, or a file; the master runs nevertheless, since an order can add one.
    if not started.listeners:
        yield "  listening on    nothing yet: the configuration has no listener"
    if started.prometheus is not None:
        yield f"  metrics         http://{started.prometheus}/metrics"
    yield f"  command socket  {started.command_socket}"
    # Before `status`, as without a route every answer is the page that says there is none.
    if not routed:
        yield f"  to route to it  {sozu} cluster add my-app"
        yield f"                  {sozu} frontend add my-app '*'"
        yield f"                  {sozu} backend add my-app 127.0.0.1:3000"
    yield f"  to look at it   {sozu} status"
    yield f"  to end it       {sozu} stop, or Ctrl-C"


def _difference(started: Started, file: Path | None) -> Iterator[str]:
    source = file or "the command line"
    yield f"The journal {started.journal} wins. It differs from {source}, which would have meant:"
    for order in started.difference[:MOST_SHOWN]:
        # As JSON, the way `log` and `state show` write orders, so that one can be looked for in the other.
        yield f"  {json.dumps(presentable(msgspec.to_builtins(order)))}"
    if len(started.difference) > MOST_SHOWN:
        yield f"  and {len(started.difference) - MOST_SHOWN} orders more"
    yield "Nothing of that was carried out. To let the file win: sozu serve -c FILE --apply"
