"""The rules: what each kind of order may do to a draft of the next state. Pure.

`carry_out` is what the master decides with, workers follow with, and `plan` and the configuration file check with; so what one
accepts all accept. Facts leave here in normal form (addresses, hostnames, defaults filled in). What an order may be at all (fields,
types) was checked at the door by `requests`; here we check what it means beside the facts that are there.
"""

from collections.abc import Callable
from typing import Any, Final

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
from sozu.command.rules.certificates import (
    add_certificate,
    check_addition,
    check_listener,
    check_replacement,
    remove_certificate,
    replace_certificate,
)
from sozu.command.rules.clusters import add_cluster, remove_cluster
from sozu.command.rules.frontends import add_frontend, remove_frontend
from sozu.command.rules.leading import lead
from sozu.command.rules.listeners import add_listener, remove_listener, switch_listener, update_listener
from sozu.command.rules.objections import Objection, Unknown
from sozu.command.rules.overrides import update_settings
from sozu.command.rules.passing import named_frontend

__all__ = ["RULES", "Objection", "Unknown", "carry_out", "check_new"]


# Here and not in leading.py: with a hostname the order is carried out anew as one of another kind, and only this table knows by which rule. From
# below it could only be reached by a cycle of imports.
def _lead(draft: Draft, order: AddTcpFrontend | RemoveTcpFrontend) -> None:
    if order.hostname:
        carry_out(draft, named_frontend(order))
    else:
        lead(draft, order)


# A table and no `match`: a test holds its keys to be all kinds of orders, so no kind can come without a rule. The type alone decides, since orders
# are never subclassed further.
RULES: Final[dict[type[AnyOrder], Callable[[Draft, Any], None]]] = {
    AddBackend: add_backend,
    RemoveBackend: remove_backend,
    AddHttpFrontend: add_frontend,
    RemoveHttpFrontend: remove_frontend,
    AddTcpFrontend: _lead,
    RemoveTcpFrontend: _lead,
    AddCluster: add_cluster,
    RemoveCluster: remove_cluster,
    AddListener: add_listener,
    UpdateListener: update_listener,
    ActivateListener: switch_listener,
    DeactivateListener: switch_listener,
    RemoveListener: remove_listener,
    UpdateSettings: update_settings,
    AddCertificate: add_certificate,
    ReplaceCertificate: replace_certificate,
    RemoveCertificate: remove_certificate,
}

# What is asked of new orders besides. An order in the journal has been obeyed already, and a start that refuses it leaves no proxy; nor has a worker a
# say in what was committed.
_CHECKS: Final[dict[type[AnyOrder], Callable[[Draft, Any], None]]] = {
    AddCertificate: check_addition,
    AddListener: check_listener,
    ReplaceCertificate: check_replacement,
}


def check_new(draft: Draft, order: AnyOrder) -> None:
    """Ask of an order what is asked of new ones only, before it is carried out. Raises Objection."""
    check = _CHECKS.get(type(order))
    if check is not None:
        check(draft, order)


def carry_out(draft: Draft, order: AnyOrder) -> None:
    """Carry out one order on a draft. Raises Objection before anything of this order has been done."""
    # "Before anything" matters: a transaction drops its draft after an Objection, but whoever reads a configuration file goes on with the same one,
    # to tell all faults at once. So a rule asks everything first, and puts and takes after its last question.
    RULES[type(order)](draft, order)
