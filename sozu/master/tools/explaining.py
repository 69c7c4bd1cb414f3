"""The answer to `explain`: what the route table says, and what the workers see of the backends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from sozu.command.facts import Backend
from sozu.command.planning.explaining import BadUrl, asked_of, explain
from sozu.command.requests import Explain
from sozu.command.settings import Settings
from sozu.command.state import BackendKey, ConfigState
from sozu.master.aside import Aside
from sozu.master.ledger import Ledger
from sozu.master.loads import Load, Loads, state_of
from sozu.master.tools.tool import Declined, Final


@dataclass(frozen=True, slots=True)
class Explaining:
    """What it is told from."""

    ledger: Ledger
    loads: Loads
    settings: Settings
    aside: Aside

    def answer(self, request: Explain) -> Final:
        """Raises Declined for what is no URL."""
        try:
            asked = asked_of(request.url, request.method, request.headers)
        except BadUrl as why:
            raise Declined(str(why), {"code": "not-a-url"}) from why
        # One state for the whole answer: while it is worked out aside, others may
        # commit, and the backends would be of another revision than the route.
        state = self.ledger.state
        found = self.aside.call(explain, state, self.settings, asked, request.listener)
        rows: list[dict[str, Any]] = msgspec.to_builtins(found)
        loads = self.loads.of({row["cluster"] for row in rows if row.get("cluster")})
        for row in rows:
            row["backends"] = _backends(state, row.get("cluster"), loads)
        # Several listeners that do the same are one sentence, in the order of their rows.
        answers = "; ".join(dict.fromkeys(row["answer"] for row in rows)) or "there is no active listener"
        return Final(f"{answers} (at revision {state.revision})", {"revision": state.revision, "explanations": rows})


def _backends(state: ConfigState, cluster: str | None, loads: Mapping[BackendKey, Load]) -> list[dict[str, Any]]:
    return [_row(backend, loads.get(backend.key)) for backend in state.backends_of(cluster)] if cluster is not None else []


def _row(backend: Backend, load: Load | None) -> dict[str, Any]:
    said = msgspec.structs.asdict(backend)
    # No worker has told of it: none runs, or all are late. To say `up` would be a guess.
    if load is None:
        return {**said, "state": "unknown"}
    return {**said, **load, "state": state_of(load)}
