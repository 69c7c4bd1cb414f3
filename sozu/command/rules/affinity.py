"""By what a request may be tied to a backend or sent to another cluster: hash keys, cookies, shares. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from sozu.command.facts import LoadBalancing
from sozu.command.orders import AddCluster
from sozu.command.rules.conditions import why_no_cookie, why_no_field
from sozu.command.rules.objections import Objection
from sozu.command.rules.spellings import check_id
from sozu.command.terms import Share

SOURCE = "source"
# For these two a key finds its backend by its hash and by the weights alone, in every worker alike.
KEYED = frozenset((LoadBalancing.HRW, LoadBalancing.MAGLEV))  # a key decides
WHOLE = 100  # percent


def hash_key_in(text: str) -> str:
    """`source`, `header:NAME` or `cookie:NAME`; a header's name in lower case. Raises Objection."""
    if text == SOURCE:
        return text
    kind, _, name = text.partition(":")
    # Lower case is the spelling of the state: `X-User` and `x-user` are one key, so an order that says the other changes nothing.
    if kind == "header":
        name = name.lower()
        fault = why_no_field(name)
    elif kind == "cookie":
        fault = why_no_cookie(name)
    else:
        fault = f'{text!r}: a hash key is "source", "header:NAME" or "cookie:NAME"'
    if fault is not None:
        raise Objection(fault, "hash_on")
    return f"{kind}:{name}"


def check_slow_start(order: AddCluster) -> None:
    """Raise Objection where keys decide: each step of a weight would move some of them."""
    # An older journal may hold this pair, when it did nothing: journal/replaying.py takes slow_start off there, so that a start does not fail for it.
    if order.slow_start is not None and order.load_balancing in KEYED:
        raise Objection(f"with {order.load_balancing} a key would move to another backend with each step: it has no slow_start", "slow_start")


def check_sticky(name: str | None) -> None:
    """Raise Objection if it is no name for a cookie."""
    if name is not None and (fault := why_no_cookie(name)):
        raise Objection(fault, "sticky")


def check_split(cluster: str, split: Sequence[Share]) -> None:
    """Raise Objection if a share goes nowhere, twice to the same cluster, or if there is more than all."""
    if not split:
        return
    names = [share.cluster for share in split]
    # The cluster need not be there yet, only be one that could: else two clusters that split to each other could never be added. A share whose
    # cluster is missing stays where it is, and `sozu check` warns of it.
    for name in names:
        check_id(name, "cluster", "split")
    if cluster in names:
        raise Objection("what is not split off stays with the cluster itself: it is not to be named", "split")
    # Two shares would be added up by some readers and the last one taken by others; the one number that is meant is easily written.
    if len(set(names)) < len(names):
        raise Objection("a cluster is named twice", "split")
    # As they are written: 0.4 + 99.4 + 0.2 is more than 100 in binary fractions.
    if sum(Decimal(repr(share.share)) for share in split) > WHOLE:
        raise Objection("shares of more than 100 percent in all", "split")
