"""A real master with two real workers, driven at random and compared with a model: orders, transactions, rollbacks, kills and restarts.

The model is `commit`, the pure function; whatever the master says is checked against it. Afterwards all workers have the same revision, and
answer the same about the same requests.
"""

from collections.abc import Sequence
import json
import os
from pathlib import Path
import signal
from time import monotonic
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
import pytest

from sozu.command.client import Client, RequestRefused
from sozu.command.commit import Refused, commit
from sozu.command.orders import (
    AddBackend,
    AddCluster,
    AddHttpFrontend,
    AnyOrder,
    RemoveBackend,
    RemoveCluster,
    RemoveHttpFrontend,
    UpdateSettings,
)
from sozu.command.state import ConfigState, digest, same_facts
from tests.e2e.processes import LIMIT, Proxy

EXAMPLES = 3  # each starts a proxy
CLUSTERS, HOSTS, ADDRESSES = ("a", "b"), ("x.example", "*.example", "*"), ("127.0.0.1:1", "127.0.0.1:2")
clusters, hosts, addresses = st.sampled_from(CLUSTERS), st.sampled_from(HOSTS), st.sampled_from(ADDRESSES)
orders: st.SearchStrategy[AnyOrder] = st.one_of(
    st.builds(AddCluster, cluster=clusters, max_body_size=st.sampled_from([None, 1000])),
    st.builds(RemoveCluster, cluster=clusters),
    st.builds(AddHttpFrontend, cluster=clusters, hostname=hosts, path=st.sampled_from([None, "/a"])),
    st.builds(RemoveHttpFrontend, cluster=clusters, hostname=hosts, path=st.sampled_from([None, "/a"])),
    st.builds(AddBackend, cluster=clusters, address=addresses, weight=st.integers(0, 2)),
    st.builds(RemoveBackend, cluster=clusters, address=addresses),
    st.builds(UpdateSettings, min_rate=st.sampled_from([None, 0, 5])),
)


def proxy_in(folder: Path) -> Proxy:
    file = folder / "sozu.yaml"
    file.write_text(json.dumps({"listeners": [{"protocol": "http", "address": "127.0.0.1:0"}], "workers": 2}))
    return Proxy(folder, "-c", str(file))


class Driven(RuleBasedStateMachine):
    """The proxy and the model side by side."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.proxy: Proxy
        self.model = ConfigState()
        self.past: dict[int, ConfigState] = {}
        self.deadline = 0.0

    @initialize()
    def begin(self) -> None:
        self.folder = self.folder / str(len(list(self.folder.iterdir())))
        self.folder.mkdir()
        self.proxy = proxy_in(self.folder)
        with self.client() as client:
            self.model = commit(ConfigState(), client.state()).state.at(client.revision)
        self.past[self.model.revision] = self.model

    def client(self) -> Client:
        return Client(self.proxy.socket, timeout=LIMIT)

    def both(self, transaction: Sequence[AnyOrder]) -> None:
        """The master commits what the model commits, and refuses what it refuses, with the same words."""
        try:
            expected: ConfigState | Refused = commit(self.model, transaction).state
        except Refused as refused:
            expected = refused
        with self.client() as client:
            if isinstance(expected, Refused):
                with pytest.raises(RequestRefused) as told:
                    client.commit(transaction)
                assert expected.reason in str(told.value)
                assert f"still at revision {self.model.revision}" in str(told.value)
            else:
                done = client.commit(transaction)
                assert done.data == {"revision": expected.revision, "late": []}
                self.model = self.past[expected.revision] = expected

    @rule(order=orders)
    def one_order(self, order: AnyOrder) -> None:
        self.both([order])

    @rule(transaction=st.lists(orders, min_size=2, max_size=8))
    def a_transaction(self, transaction: list[AnyOrder]) -> None:
        self.both(transaction)

    @rule(data=st.data())
    def a_rollback(self, data: st.DataObject) -> None:
        target = data.draw(st.sampled_from(sorted(self.past)))
        with self.client() as client:
            done = client.rollback(target)
        if not done.message.startswith("nothing to do"):
            self.model = self.past[target].at(done.data["revision"])
            self.past[self.model.revision] = self.model

    @rule(slot=st.integers(0, 1))
    def a_worker_is_killed(self, slot: int) -> None:
        victim = self.workers()[slot]["pid"]
        os.kill(victim, signal.SIGKILL)
        while victim in {worker["pid"] for worker in self.workers()}:
            continue

    @precondition(lambda self: self.model.revision > 3)
    @rule()
    def a_restart(self) -> None:
        self.proxy.run("stop", "--hard")
        self.proxy.wait()
        self.proxy.close()
        self.proxy = proxy_in(self.folder)

    def workers(self) -> list[dict[str, Any]]:
        with self.client() as client:
            rows: list[dict[str, Any]] = client.status()["workers"]
        return rows

    @invariant()
    def they_agree(self) -> None:
        if not self.past:
            return
        with self.client() as client:
            assert client.revision == self.model.revision
            assert same_facts(commit(ConfigState(), client.state()).state, self.model)

    def teardown(self) -> None:
        if self.past:
            self.deadline = monotonic() + LIMIT
            try:
                self.workers_agree()
            finally:
                self.proxy.close()

    def workers_agree(self) -> None:
        """All workers have one table, that of the model."""
        expected = digest(self.model)
        with self.client() as client:
            while True:
                told = client.order({"type": "status", "digest": True}).data
                if told["digests"] == {"0": expected, "1": expected}:
                    break
                # One that was killed is on its way; a worker that had come apart would be so for good, and the test's time ends.
                assert monotonic() < self.deadline, told
        assert told["digest"] == expected


@pytest.mark.slow
def test_the_master_does_what_the_model_does(tmp_path: Path) -> None:
    machine = type("DrivenHere", (Driven,), {"folder": tmp_path})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(machine, settings=settings(max_examples=EXAMPLES, stateful_step_count=15, deadline=None, suppress_health_check=checks))
