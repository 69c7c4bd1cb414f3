import pytest

from sozu.command.commit import commit
from sozu.command.facts import Protocol
from sozu.command.orders import AddCluster, AddHttpFrontend, AddListener, AnyOrder
from sozu.command.state import ConfigState
from tests.command.certificates.ordering import HTTP, HTTPS, OTHER, A, added


@pytest.fixture
def state() -> ConfigState:
    orders: list[AnyOrder] = [
        AddListener(protocol=Protocol.HTTPS, address=HTTPS),
        AddListener(protocol=Protocol.HTTPS, address=OTHER),
        AddListener(protocol=Protocol.HTTP, address=HTTP),
        AddCluster(cluster="c"),
        added(A, "a.example", "*.a.example"),
        AddHttpFrontend(cluster="c", hostname="a.example"),
        AddHttpFrontend(cluster="c", hostname="nobody.test"),
    ]
    return commit(ConfigState(), orders).state
