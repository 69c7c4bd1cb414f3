"""The one answer loop of the command line, and where each exit code comes from.

    0 done · 1 refused by the proxy · 2 bad input (click) · 3 no master · 4 timed out · 5 committed, a worker had not confirmed
News on the way (PROCESSING) goes to standard error, the final word to standard output.
"""

from collections.abc import Callable
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


class Failure(click.ClickException):
    """A verb that did not succeed; the exit code tells scripts why, the message tells people what was left untouched."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def show_news(answer: Answer) -> None:
    """Tell a person who waits how far it is."""
    click.echo(f"… {answer.message}", err=True)


def converse(
    request: AnyRequest | AnyOrder, *, within: float | None = PATIENCE, hear: Callable[[Answer], None] = show_news
) -> Answer:
    """Send one request, hear each PROCESSING, return the final OK.

    `within` bounds the whole, in seconds; None waits for ever.
    Raises Failure with the exit code of the contract for everything else that may come.
    """
    try:
        with Client(find_socket(chosen_socket()), timeout=within) as client:
            return _final(client, request, within, hear)
    except NoMaster as error:
        raise Failure(f"{error}\nStart one with: sozu serve", 3) from None
    except RequestRefused as error:
        raise Failure(f"refused: {error}\nNothing was changed.", 1) from None
    except TimeoutError:
        raise Failure(f"no final answer within {within:g} s. {_WHETHER_IT_ACTED}", 4) from None
    except ConnectionLost as error:
        raise Failure(f"{error}. {_WHETHER_IT_ACTED}", 3) from None


def _final(
    client: Client, request: AnyRequest | AnyOrder, within: float | None, hear: Callable[[Answer], None]
) -> Answer:
    deadline = monotonic() + (inf if within is None else within)
    for answer in client.ask(request):
        if answer.final:
            return answer
        hear(answer)
        if within is not None:
            # A timeout of zero would mean "do not block"; the shortest wait stands for a deadline that has passed.
            client.wait_at_most(max(deadline - monotonic(), _SHORTEST_WAIT))
    raise ConnectionLost("the answers ended without a final one")


def collect(request: AnyRequest) -> list[Any]:
    """The data of all answers to a listing: a long one comes in several PROCESSING."""
    parts: list[Any] = []
    final = converse(request, hear=lambda answer: parts.append(answer.data))
    return [part for part in (*parts, final.data) if part is not None]


def order(change: AnyOrder, *, within: float | None = PATIENCE) -> None:
    """Send one change and say what became of it; exit code 5 when a worker was late to confirm it."""
    answer = converse(change, within=within)
    click.echo(answer.message)
    if isinstance(answer.data, dict) and answer.data.get("late"):
        raise Failure(f"committed, but not confirmed in time by worker {_names(answer.data['late'])}: replaced", 5)


def _names(workers: list[int]) -> str:
    return ", ".join(map(str, workers))
