"""Who waits or listens while the master is upgraded, and goes on with the next one."""

from collections.abc import Callable
from queue import Queue
from threading import Thread

import pytest

from sozu.command.client import Client, RequestRefused
from sozu.command.facts import Protocol
from sozu.command.orders import AddCluster, RemoveBackend, RemoveCluster, RemoveHttpFrontend, RemoveListener
from sozu.command.requests import Metrics, UpgradeMaster
from tests.master.served import PATIENCE, Serve, Served

Waited = RemoveBackend | RemoveCluster | RemoveHttpFrontend | RemoveListener


def of_the_listener(served: Served) -> Waited:
    return RemoveListener(protocol=Protocol.HTTP, address=served.told["listeners"][0], wait=True)


@pytest.mark.parametrize(
    ("removal_in", "in_use"),
    [
        (lambda _: RemoveBackend(cluster="blog", address="127.0.0.1:9001", wait=True), "live exchange"),
        (lambda _: RemoveCluster(cluster="blog", wait=True), "live exchange"),
        (lambda _: RemoveHttpFrontend(cluster="blog", hostname="blog.example.com", wait=True), "live exchange"),
        (of_the_listener, "2 sessions"),
    ],
    ids=["backend", "cluster", "frontend", "listener"],
)
def test_a_wait_of_the_client_goes_on_with_the_next_master(serve: Serve, removal_in: Callable[[Served], Waited], in_use: str) -> None:
    served = serve(workers=1)
    told: Queue[str] = Queue()
    removal = removal_in(served)

    def wait() -> None:
        with Client(served.socket, timeout=PATIENCE) as other:
            try:
                told.put(other.order(removal, hear=lambda answer: told.put(answer.message)).message)
            except RequestRefused as refused:
                told.put(f"refused: {refused}")

    waiting = Thread(target=wait)
    waiting.start()
    until(told, in_use)
    served.ask(UpgradeMaster(grace=0.1))
    until(told, in_use)
    served.ask(Metrics())  # which is when the scripted worker's exchanges end
    until(told, "may be stopped now")
    waiting.join(PATIENCE)


def test_a_cluster_that_had_no_backends_is_known_to_the_next_master_as_removed(serve: Serve) -> None:
    served = serve(workers=1)
    served.ask(AddCluster(cluster="empty"))
    served.ask(RemoveCluster(cluster="empty"))
    served.ask(UpgradeMaster(grace=0.1))

    assert served.ask(RemoveCluster(cluster="empty", wait=True))[-1].message.endswith("may be stopped now")


def test_events_go_on_being_numbered_and_told(serve: Serve) -> None:
    served = serve(workers=1)
    served.ask(AddCluster(cluster="shop"))
    with Client(served.socket, timeout=PATIENCE) as other:
        before = list(other.events(since=0, follow=False))
        following = other.events(since=before[-1].number - 1)
        assert next(following) == before[-1]
        served.ask(UpgradeMaster())
        served.ask(AddCluster(cluster="shop-next"))
        after = list(other.events(since=0, follow=False))
        heard = [next(following).number for _ in after[len(before) :]]
        following.close()

    assert after[: len(before)] == before
    assert [event.number for event in after] == list(range(1, len(after) + 1))
    assert {"took_over", "worker_upgraded"} < {event.kind for event in after}
    assert heard == [event.number for event in after[len(before) :]]


def until(told: "Queue[str]", words: str) -> None:
    while words not in (said := told.get(timeout=PATIENCE)):
        assert not said.startswith("refused"), said
