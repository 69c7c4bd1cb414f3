"""Talking with the master from the command line, and where each exit code comes from.

    0 done · 1 refused by the proxy · 2 bad input (click) · 3 no master · 4 timed out · 5 committed, a worker had not confirmed
News on the way (PROCESSING) goes to standard error, the final word to standard output.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Any

import click

from sozu.cli.options import chosen_socket
from sozu.command.answers import Answer
from sozu.command.client import Client, ConnectionLost, NoMaster, RequestRefused, find_socket
from sozu.command.orders import AnyOrder
from sozu.command.requests import AnyRequest

_WHETHER_IT_ACTED = "Whether it acted is not known here: `sozu status` shows the revision in force."
_SHORTEST_WAIT = 0.001
PATIENCE = 30.0  # seconds for a whole conversation; the master's own deadlines are shorter, so its word comes first


class Refused(click.ClickException):
    """The proxy said no; nothing has changed."""

    # "Nothing has changed" is what scripts build on: whatever may have acted, such as a lost connection, has to end with another code.
    exit_code = 1


class Unreachable(click.ClickException):
    """No master answered, or it stopped answering."""

    exit_code = 3


class TimedOut(click.ClickException):
    """The final answer did not come in time."""

    exit_code = 4


class Unconfirmed(click.ClickException):
    """Committed, but a worker had not confirmed by the master's deadline; it is replaced."""

    # No failure of the change, and no plain success: a script that counts on every worker having it must look again.
    exit_code = 5


def show_news(answer: Answer) -> None:
    """Tell a person who waits how far it is."""
    # Apart from the result, which programs read on standard output.
    click.echo(f"… {answer.message}", err=True)


@contextmanager
def conversation(within: float | None = PATIENCE) -> Iterator[Client]:
    """A client for the block; no answer in it may take longer than `within` seconds (None: for ever).

    Raises Refused, Unreachable or TimedOut: click prints the message and exits with the class's code.
    """
    try:
        # The client's timeout is for each next answer. Where there are several, `_final` shortens it as time goes by.
        with Client(find_socket(chosen_socket()), timeout=within) as client:
            yield client
    # Here alone it is certain that nothing was sent, so that to start a master and ask again is safe advice.
    except NoMaster as error:
        raise Unreachable(f"{error}\nStart one with: sozu serve") from None
    except RequestRefused as error:
        raise Refused(f"refused: {error}{_help(error.answer)}") from None
    except TimeoutError:
        # Silence is no refusal: the order may be in the journal and only its answer late.
        raise TimedOut(f"no final answer within {within:g} s. {_WHETHER_IT_ACTED}") from None
    except ConnectionLost as error:
        raise Unreachable(f"{error}. {_WHETHER_IT_ACTED}") from None


def _help(answer: Answer) -> str:
    code = answer.data.get("code") if isinstance(answer.data, dict) else None
    # Not every refusal has one: of a grace that is too long, say, the message tells all.
    return f"\n(sozu help {code} says more)" if code is not None else ""


def converse(
    request: AnyRequest | AnyOrder, *, within: float | None = PATIENCE, hear: Callable[[Answer], None] = show_news
) -> Answer:
    """Send one request, hear each PROCESSING, return the final OK. `within` bounds the whole, in seconds; raises as `conversation` does."""
    with conversation(within) as client:
        return _final(client, request, within, hear)


def _final(
    client: Client, request: AnyRequest | AnyOrder, within: float | None, hear: Callable[[Answer], None]
) -> Answer:
    deadline = monotonic() + (inf if within is None else within)
    # A wait may last for days, and the master be upgraded meanwhile. The next one is asked again, for whom what is removed already is only waited for.
    # Any other request is asked once, since to repeat a change of which nobody knows whether it was made could undo somebody else's.
    for answer in client.wait_for(request) if getattr(request, "wait", False) else client.ask(request):
        if answer.final:
            return answer
        hear(answer)
        # Each PROCESSING would begin the client's own timeout anew, and a drain that tells something every second would never time out.
        if within is not None:
            # A timeout of zero would mean "do not block"; the shortest wait stands for a deadline that has passed.
            client.wait_at_most(max(deadline - monotonic(), _SHORTEST_WAIT))
    # A generator that ends without a final answer would be a success without a word; so it is none.
    raise ConnectionLost("the answers ended without a final one")


def collect(request: AnyRequest) -> list[Any]:
    """The data of all answers to a listing: a long one comes in several PROCESSING."""
    # A message has at most 2 MiB, so a long listing comes in pieces, of which the last one is the final answer's data.
    parts: list[Any] = []
    final = converse(request, hear=lambda answer: parts.append(answer.data))
    return [part for part in (*parts, final.data) if part is not None]


def order(
    change: AnyOrder | AnyRequest, *, within: float | None = PATIENCE, hear: Callable[[Answer], None] = lambda _: None
) -> None:
    """Send one change and say what became of it; exit code 5 when a worker was late to confirm it.

    That worker after worker confirms is no news to somebody who gets the final word a moment later, so nothing is heard.
    """
    tell_outcome(converse(change, within=within, hear=hear))


def tell_outcome(answer: Answer) -> None:
    """Say what became of a change. Raises Unconfirmed."""
    # First what is true in any case: it is committed. The exit code then says that it is not all.
    click.echo(answer.message)
    if isinstance(answer.data, dict) and answer.data.get("late"):
        late = ", ".join(map(str, answer.data["late"]))
        raise Unconfirmed(f"committed, but not confirmed in time by worker {late}, which is replaced")
