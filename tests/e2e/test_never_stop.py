from collections import Counter
import os
import signal

import pytest

from tests.e2e.asking import connect, get
from tests.e2e.load import Load
from tests.e2e.processes import LIMIT, Proxy

CLIENTS = 4


def test_a_killed_worker_refuses_no_connection_and_is_replaced(shared: Proxy) -> None:
    before = shared.status()
    victim = before["workers"][0]["pid"]

    with Load(shared.port, clients=CLIENTS) as load:
        load.further(200)
        os.kill(victim, signal.SIGKILL)
        shared.lines.until("event=worker_ready slot=0")
        load.further(200)

    # Each client has one request under way, so one worker's death can cost each client one.
    assert load.failures.total() <= CLIENTS
    assert load.failures["refused"] == 0
    assert load.failures["503"] == load.failures["404"] == 0
    after = shared.status()
    assert after["pid"] == before["pid"] == shared.process.pid
    assert victim not in shared.worker_pids()
    assert [worker["state"] for worker in after["workers"]] == ["running", "running"]
    assert get(shared.port) == (200, b"origin")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_soft_stop_lets_a_download_end_and_leaves_nothing_behind(
    proxy: Proxy, origin_address: str, sign: signal.Signals
) -> None:
    pids = proxy.worker_pids()
    downloading = connect(proxy.port)
    downloading.request("GET", f"/held/{sign.name}", headers={"Host": "any.example"})
    response = downloading.getresponse()
    begun = response.read(500)

    proxy.process.send_signal(sign)
    proxy.lines.until("event=soft_stop")
    get(int(origin_address.partition(":")[2]), f"/release/{sign.name}")

    with response:
        assert begun + response.read() == b"a" * 500 + b"b" * 500
    downloading.close()
    assert proxy.wait() == 0
    assert not proxy.socket.exists()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_hard_stop_waits_for_nothing(proxy: Proxy) -> None:
    downloading = connect(proxy.port)
    downloading.request("GET", "/held/hard-stop", headers={"Host": "any.example"})
    with downloading.getresponse() as response:
        response.read(500)
        proxy.run("stop", "--hard")
        proxy.process.wait(LIMIT)
    downloading.close()


def test_sighup_opens_the_access_log_anew(shared: Proxy) -> None:
    log, rotated = shared.folder / "access.log", shared.folder / "access.log.1"
    get(shared.port)
    log.rename(rotated)

    shared.process.send_signal(signal.SIGHUP)
    with Load(shared.port) as load:
        for _ in range(1000):
            load.further(10)
            if log.exists() and log.stat().st_size:
                break

    assert load.failures == Counter()
    assert log.stat().st_size > 0


def test_workers_go_on_serving_when_the_master_is_gone(proxy: Proxy) -> None:
    workers = proxy.worker_pids()
    try:
        proxy.process.kill()
        proxy.process.wait(LIMIT)
        with Load(proxy.port, clients=CLIENTS) as load:
            load.further(200)
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGKILL)

    assert load.failures == Counter()
