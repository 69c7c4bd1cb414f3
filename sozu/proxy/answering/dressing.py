"""What an answer of the proxy's own has of the frontend, cluster and listener that it happens at: their pages, and lines that all answers have. Pure."""

from sozu.command.routes import RouteTable
from sozu.proxy.failures import Failure
from sozu.proxy.meaning import Asked


def dressed(failure: Failure, asked: Asked, routes: RouteTable) -> Failure:
    """The failure, with its pages and lines: the cluster's before those of the listener."""
    special = asked.special
    cluster = asked.cluster if special is None else special.cluster
    listener = routes.listener(asked.listener)
    # The order is what decides: `chosen_page` takes the first one for the status, and the settings' come behind these.
    failure.pages = (*(() if cluster is None else cluster.answers), *(() if listener is None else listener.answers))
    if special is not None:
        # On this one failure: the class has the lines that all of its kind have.
        failure.fields = special.own_answer(failure.fields)
    return failure
