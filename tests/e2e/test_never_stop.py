from collections import Counter
from contextlib import closing
import http.client
import os
from pathlib import Path
import re
import signal

import pytest

from sozu.command.client import Client
from sozu.command.requests import SoftStop
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


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSEGV])
def test_the_request_that_a_worker_had_received_last_is_named_and_kept(shared: Proxy, origin_address: str, death: signal.Signals) -> None:
    pids = shared.full_house()
    with closing(connect(shared.port)) as asking:
        asking.request("GET", f"/held/{death.name}", headers={"Host": "any.example"})
        with asking.getresponse() as response:
            response.read(500)
            for pid in pids:
                os.kill(pid, death)
    named = shared.lines.until(rf"event=request_suspected .*fate='signal {death.name}' .*request='GET /held/{death.name} HTTP/1.1' host='any.example' head_kept='(.*)'")

    get(int(origin_address.partition(":")[2]), f"/release/{death.name}")
    assert Path(named[1]).read_bytes().startswith(f"GET /held/{death.name} HTTP/1.1\r\n".encode())
    assert get(shared.port) == (200, b"origin")
    shared.full_house()
    assert (death is signal.SIGSEGV) == any("Fatal Python error: Segmentation fault" in line for line in shared.lines.so_far())


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


def test_a_stop_tells_what_it_waits_for(proxy: Proxy, origin_address: str) -> None:
    downloading = connect(proxy.port)
    downloading.request("GET", "/held/told-stop", headers={"Host": "any.example"})
    with downloading.getresponse() as response, Client(proxy.socket, timeout=LIMIT) as tool:
        response.read(500)
        answers = tool.ask(SoftStop(grace=LIMIT))
        (pid,) = re.findall(r"1 worker still finishing \(worker 0 \(pid (\d+)\): 1 exchanges, 1 connections\)", next(answers).message)
        get(int(origin_address.partition(":")[2]), "/release/told-stop")
        response.read()
        assert list(answers)[-1].message.startswith("stopped")
    downloading.close()

    assert proxy.wait() == 0
    assert int(pid) != proxy.process.pid


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


def test_workers_go_on_serving_when_the_master_is_gone_and_the_next_one_adopts_them(proxy: Proxy) -> None:
    workers = proxy.worker_pids()
    with Load(proxy.port, clients=CLIENTS) as load:
        proxy.process.kill()
        proxy.process.wait(LIMIT)
        load.further(200)
        with Proxy(proxy.folder, "-c", str(proxy.folder / "sozu.yaml")) as next_one:
            load.further(200)
            adopted, port = next_one.worker_pids(), next_one.port
            failures = load.failures.copy()

    assert failures == Counter()
    assert (adopted, port) == (workers, proxy.port)


def test_an_upgrade_of_everything_loses_nothing(proxy: Proxy) -> None:
    before = proxy.worker_pids()
    with Load(proxy.port, clients=CLIENTS) as load:
        load.further(200)
        told = proxy.run("upgrade", "--grace", "20")
        load.further(200)

    assert load.failures == Counter()
    assert told.stdout.startswith("upgraded: ")
    assert proxy.status()["pid"] == proxy.process.pid
    assert set(proxy.worker_pids()).isdisjoint(before)


@pytest.mark.parametrize("change", [("upgrade",), ("upgrade", "--worker", "0"), ("workers", "1")])
def test_an_idle_connection_goes_on_at_the_next_worker(shared: Proxy, change: tuple[str, ...]) -> None:
    idle = [connect(shared.port) for _ in range(8)]
    own = [ask_on(connection) for connection in idle]
    before = shared.worker_pids()

    shared.run(*change, "--grace", "20")

    assert [ask_on(connection) for connection in idle] == own
    assert shared.worker_pids() != before
    for connection in idle:
        connection.close()
    shared.run("workers", "2")


def ask_on(connection: http.client.HTTPConnection) -> int:
    """One more request on it; our port, which is another one if the connection is."""
    connection.request("GET", "/name", headers={"Host": "any.example"})
    with connection.getresponse() as response:
        assert response.read() == b"origin"
    port: int = connection.sock.getsockname()[1]
    return port


def test_nobody_waits_in_the_queue_of_a_worker_that_was_told_to_end_while_it_still_serves(proxy: Proxy, origin_address: str) -> None:
    downloading = connect(proxy.port)
    downloading.request("GET", "/held/told-end", headers={"Host": "any.example"})
    with downloading.getresponse() as response:
        response.read(500)
        before = proxy.worker_pids()
        for pid in before:
            os.kill(pid, signal.SIGTERM)
        for _ in range(20):
            assert get(proxy.port)[0] == 200
        assert any(Path(f"/proc/{pid}").exists() for pid in before)  # nobody had to wait for its end
        get(int(origin_address.partition(":")[2]), "/release/told-end")
        response.read()
    downloading.close()


def test_a_worker_that_is_stopped_is_replaced_and_its_queue_answered(proxy: Proxy) -> None:
    victim = proxy.worker_pids()[0]
    os.kill(victim, signal.SIGSTOP)
    with Load(proxy.port, clients=CLIENTS) as load:
        load.further(1)
        proxy.lines.until("event=worker_hung slot=0")
        proxy.lines.until("event=worker_left slot=0")
        load.further(200)

    assert load.failures == Counter()
    assert victim not in proxy.worker_pids()
