"""How a cluster spreads exchanges over its backends. Pure decisions: no socket, no clock; randomness is an argument.

A balancer sees candidates, none of which has weight 0, and picks one. It keeps what it must remember between two picks
(whose turn it is), so one balancer belongs to one cluster of one worker and survives changes of the backends.
Health, retries and backups are decided before: whoever may not be picked is not among the candidates.

    turns       round_robin, least_loaded
    chances     random, power_of_two
    hashing     hrw: the key says who; what all that go by a key have in common
    maglev      the same from a table

Those that go by a key (`KEYED`) send the same key to the same backend, in every worker and after every restart.
"""

from typing import Final

from sozu.command.facts import LoadBalancing
from sozu.proxy.registry.balancing.candidates import Candidate
from sozu.proxy.registry.balancing.chances import PowerOfTwo, Random
from sozu.proxy.registry.balancing.hashing import Rendezvous
from sozu.proxy.registry.balancing.maglev import Maglev
from sozu.proxy.registry.balancing.turns import LeastLoaded, RoundRobin

__all__ = ["KEYED", "Balancer", "Candidate", "LeastLoaded", "Maglev", "RoundRobin", "balancer_for"]

Balancer = RoundRobin | Random | LeastLoaded | PowerOfTwo | Rendezvous | Maglev

KEYED: Final = frozenset((LoadBalancing.HRW, LoadBalancing.MAGLEV))

_BALANCERS: Final[dict[LoadBalancing, type[Balancer]]] = {
    LoadBalancing.ROUND_ROBIN: RoundRobin,
    LoadBalancing.RANDOM: Random,
    LoadBalancing.LEAST_LOADED: LeastLoaded,
    LoadBalancing.POWER_OF_TWO: PowerOfTwo,
    LoadBalancing.HRW: Rendezvous,
    LoadBalancing.MAGLEV: Maglev,
}


def balancer_for(kind: LoadBalancing) -> Balancer:
    """A fresh balancer."""
    return _BALANCERS[kind]()
