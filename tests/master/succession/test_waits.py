"""Who waits or listens while the master is upgraded, and goes on with the next one."""

from queue import Queue
from threading import Thread

from sozu.command.client import Client
from sozu.command.orders import AddCluster, RemoveBackend
from sozu.command.requests import Metrics, UpgradeMaster
from tests.master.served import PATIENCE, Serve


def test_a_wait_of_the_client_goes_on_with_the_next_master(serve: Serve) -> None:
    served = serve(workers=1)
    told: Queue[str] = Queue()
    removal = RemoveBackend(cluster="blog", address="127.0.0.1:9001", wait=True)

    def wait() -> None:
        with Client(served.socket, timeout=PATIENCE) as other:
            told.put(other.order(removal, hear=lambda answer: told.put(answer.message)).message)

    waiting = Thread(target=wait)
    waiting.start()
    until(told, "live exchange")
    served.ask(UpgradeMaster(grace=0.1))
    until(told, "live exchange")
    served.ask(Metrics())  # which is when the scripted worker's exchanges end
    until(told, "may be stopped now")
    waiting.join(PATIENCE)


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
    while words not in told.get(timeout=PATIENCE):
        continue
