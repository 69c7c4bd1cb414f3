"""`sozu cluster …`: named sets of backends."""

from typing import Any, Final

import click

from sozu.cli.certificates.tls_options import terms_in
from sozu.cli.conversation import order
from sozu.cli.limit_options import named_settings, settings_on, timeouts_in
from sozu.cli.listing import orders_in_force, show_rows, timeouts_in_force
from sozu.cli.options import json_option, socket_option
from sozu.cli.waiting import remove_and_wait, waiting_options
from sozu.command.certificates.terms import BackendTls
from sozu.command.facts import LoadBalancing
from sozu.command.orders import AddCluster, RemoveCluster

# Settings with a structure of their own, or that few clusters have: options for all of them would make `--help` two pages long.
_BY_NAME: Final = ("sticky", "split", "slow_start", "failures", "health", "max_exchanges", "queue", "max_per_client", "retries", "breaker", "proxy_protocol", "answers")


class _AddingVerb(click.Command):
    """Whoever writes a setting as an option is told how it is said."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does."""
        try:
            return super().parse_args(ctx, args)
        # Who comes from another proxy tries --sticky or --max-exchanges, and click's nearest name for those was --socket.
        except click.NoSuchOption as error:
            name = error.option_name.lstrip("-").replace("-", "_")
            if name not in _BY_NAME:
                raise
            raise click.UsageError(f"{error.option_name} is a setting without an option of its own: say --set {name}=VALUE", ctx) from error


@click.group()
@socket_option
def cluster() -> None:
    """
    Add, remove or list clusters: named sets of backends.

    \b
    Example:
      sozu cluster add blog --load-balancing least_loaded
    """


@cluster.command(cls=_AddingVerb)
@click.argument("cluster_id", metavar="ID")
@click.option("--load-balancing", type=click.Choice([policy.value for policy in LoadBalancing]), default="round_robin", show_default=True)
@click.option("--hash-on", default="source", metavar="KEY", show_default=True, help="For hrw and maglev: source, header:NAME or cookie:NAME.")
@click.option("--timeout", "limits", metavar="NAME=SECONDS", multiple=True, help="request, front, back or connect; may be repeated. The others stay as they are for all now.")
@click.option("--max-body-size", type=int, metavar="BYTES", help="The largest body of a request; else as the settings say.")
@click.option("--min-rate", type=int, metavar="BYTES", help="How many bytes a second a client has to send or take; else as the settings say.")
@click.option("--tls", "terms", metavar="NAME=VALUE", multiple=True, help="Its backends speak TLS: ca (a file), server_name, verify, certificate (a fingerprint).")
@click.option("--set", "more", metavar="NAME=VALUE", multiple=True, help=f"Any other setting; what is no text, as JSON. May be repeated: {', '.join(_BY_NAME)}.")
@socket_option
def add(cluster_id: str, limits: tuple[str, ...], terms: tuple[str, ...], more: tuple[str, ...], **settings: Any) -> None:
    """
    Add a cluster, or give one new settings.

    \b
    Examples:
      sozu cluster add blog --load-balancing least_loaded --timeout back=5 --max-body-size 1000000
      sozu cluster add intern --tls server_name=app.intern --tls verify=true
      sozu cluster add shop --set sticky=SITE --set max_exchanges=50 --set 'queue={"size": 20}'
    """
    # What has an option with a syntax of its own goes in first; the rest is laid on it and checked together, so that each mistake is told by its name.
    begun = AddCluster(cluster=cluster_id, timeouts=timeouts_in(limits, timeouts_in_force), tls=terms_in(terms, BackendTls))
    order(settings_on(begun, settings | named_settings(more)))


@cluster.command()
@click.argument("cluster_id", metavar="ID")
@waiting_options
@socket_option
def remove(cluster_id: str, timeout: float | None, *, no_wait: bool) -> None:
    """
    Remove a cluster with its frontends and backends, and wait until its last exchange has ended: then they may be stopped.

    The change is made before the wait; who stops waiting changes nothing.

    \b
    Example:
      sozu cluster remove blog --timeout 60
    """
    remove_and_wait(RemoveCluster(cluster=cluster_id), timeout, no_wait=no_wait)


@cluster.command("list")
@json_option
@socket_option
def list_clusters(*, as_json: bool) -> None:
    """
    List the clusters.

    \b
    Example:
      sozu cluster list --json
    """
    rows = orders_in_force(AddCluster)
    show_rows(rows, ("cluster", "load_balancing"), as_json=as_json, nothing="No cluster. Add one: sozu cluster add ID")
