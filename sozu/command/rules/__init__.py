"""The rules: what each kind of order may do to a draft of the next state. Pure.

`carry_out` is what the master decides with, workers follow with, and `plan` and the configuration file check with; so what one
accepts all accept. Facts leave here in normal form (addresses, hostnames, defaults filled in). What an order may be at all (fields,
types) was checked at the door by `requests`; here we check what it means beside the facts that are there.
"""

from sozu.command.draft import Draft
from sozu.command.orders import (
    ActivateListener,
    AddBackend,
    AddCertificate,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AddTcpFrontend,
    AnyOrder,
    DeactivateListener,
    RemoveBackend,
    RemoveCertificate,
    RemoveCluster,
    RemoveHttpFrontend,
    RemoveListener,
    RemoveTcpFrontend,
    ReplaceCertificate,
    UpdateListener,
    UpdateSettings,
)
from sozu.command.rules.backends import add_backend, remove_backend
from sozu.command.rules.certificates import add_certificate, remove_certificate, replace_certificate
from sozu.command.rules.clusters import add_cluster, remove_cluster
from sozu.command.rules.frontends import add_frontend, remove_frontend
from sozu.command.rules.leading import lead
from sozu.command.rules.listeners import add_listener, remove_listener, switch_listener, update_listener
from sozu.command.rules.objections import Objection, Unknown
from sozu.command.rules.overrides import update_settings
from sozu.command.rules.passing import named_frontend

__all__ = ["Objection", "Unknown", "carry_out"]


def carry_out(draft: Draft, order: AnyOrder) -> None:  # noqa: C901 - a table of kinds, which the type checker knows to be whole
    """Carry out one order on a draft. Raises Objection before anything of this order has been done."""
    match order:
        case AddBackend():
            add_backend(draft, order)
        case RemoveBackend():
            remove_backend(draft, order)
        case AddHttpFrontend():
            add_frontend(draft, order)
        case RemoveHttpFrontend():
            remove_frontend(draft, order)
        case AddTcpFrontend(hostname="") | RemoveTcpFrontend(hostname=""):
            lead(draft, order)
        case AddTcpFrontend() | RemoveTcpFrontend():
            carry_out(draft, named_frontend(order))
        case AddCluster():
            add_cluster(draft, order)
        case RemoveCluster():
            remove_cluster(draft, order)
        case AddListener():
            add_listener(draft, order)
        case UpdateListener():
            update_listener(draft, order)
        case ActivateListener() | DeactivateListener():
            switch_listener(draft, order)
        case RemoveListener():
            remove_listener(draft, order)
        case UpdateSettings():
            update_settings(draft, order)
        case AddCertificate():
            add_certificate(draft, order)
        case ReplaceCertificate():
            replace_certificate(draft, order)
        case RemoveCertificate():
            remove_certificate(draft, order)
