"""The live things of a worker, by stable key: what is counted, pooled and remembered while tables come and go.

Tables hold facts and are replaced; a LiveBackend survives every swap that keeps its key. It retires when no table names
it (its idle connections are closed at once), and is gone when, besides, its last exchange or tunnel has ended: that
moment is the "drained" event for which an operator waits. See docs/life_of_an_order.md.
`live_backend` is one such thing, `rosters` says which of them a cluster may choose, `balancing` which one it does.
"""

from sozu.proxy.registry.live_backend import BackendKey, Idle, LiveBackend
from sozu.proxy.registry.roster import Roster
from sozu.proxy.registry.rosters import Registry, RosterDraft

__all__ = ["BackendKey", "Idle", "LiveBackend", "Registry", "Roster", "RosterDraft"]
