from sozu.command.channel import facts_in
from sozu.command.commit import commit
from sozu.command.draft import Draft
from sozu.command.facts import Protocol
from sozu.command.orders import (
    AddBackend,
    AddCertificate,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AnyOrder,
    UpdateSettings,
)
from sozu.command.state import ConfigState, same_facts
from sozu.command.worker_protocol import Load
from sozu.master.workers.briefing import as_facts, as_orders

ORDERS: list[AnyOrder] = [
    AddListener(protocol=Protocol.HTTPS, address="127.0.0.1:8443"),
    AddCluster(cluster="blog"),
    AddCertificate(certificate="", private_key="", fingerprint="ab" * 32, names=("blog.example.com",)),
    AddHttpFrontend(cluster="blog", hostname="blog.example.com", certificate="ab" * 32),
    AddBackend(cluster="blog", address="127.0.0.1:9001"),
    UpdateSettings(min_rate=5),
]


def loaded(loads: list[Load]) -> ConfigState:
    draft = Draft(ConfigState())
    for load in loads:
        for fact in facts_in(load):
            draft.put(fact)
    return commit(draft.state(0), [order for load in loads for order in load.orders]).state


def test_a_state_is_told_as_facts_or_as_orders_and_is_the_same() -> None:
    state = commit(ConfigState(), ORDERS).state
    for loads in (list(as_facts(state)), list(as_orders(state))):
        assert same_facts(loaded(loads), state)
        assert [load.last for load in loads] == [False] * (len(loads) - 1) + [True]


def test_an_empty_state_is_told_too() -> None:
    assert [load.last for load in as_facts(ConfigState())] == [True]
