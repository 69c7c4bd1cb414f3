"""`sozu metrics`: the counters as the master has gathered them, raw."""

import click

from sozu.cli.conversation import converse
from sozu.cli.listing import show_json
from sozu.cli.options import json_option, socket_option
from sozu.command.requests import Metrics


@click.command()
@json_option
@socket_option
def metrics(*, as_json: bool) -> None:  # noqa: ARG001 - what it prints is JSON already; the flag is there for those who always give it
    """
    Show the counters of the workers, as JSON. The Prometheus endpoint of the configuration file has the same figures.

    \b
    Example:
      sozu metrics | python -m json.tool
    """
    # No table: which of the counters matter is for the reader to choose, and for graphs there is the page for Prometheus.
    show_json(converse(Metrics()).data)
