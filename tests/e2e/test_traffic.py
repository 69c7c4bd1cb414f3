from collections import Counter
from collections.abc import Iterator
import hashlib
from pathlib import Path
import re

import pytest

from tests.e2e.asking import download, get, upload
from tests.e2e.load import Load
from tests.e2e.origin import pattern
from tests.e2e.processes import Proxy, configuration, every_host, reserved_port, resident_bytes

LARGE = 100_000_000
GROWTH = 4_000_000


@pytest.fixture(scope="module")
def digest_of_the_pattern() -> str:
    digest = hashlib.sha256()
    for piece in pattern(LARGE):
        digest.update(piece)
    return digest.hexdigest()


def growth_of_workers(proxy: Proxy, before: dict[int, int]) -> int:
    after = {pid: resident_bytes(pid) for pid in proxy.worker_pids()}
    assert after.keys() == before.keys()
    return max(after[pid] - before[pid] for pid in before)


@pytest.fixture
def warm(proxy: Proxy) -> dict[int, int]:
    """Resident bytes of each worker once it has moved a body of one megabyte each way."""
    for _ in range(16):
        assert download(proxy.port, "/bytes/1000000")[0] == 1_000_000
        assert upload(proxy.port, pattern(1_000_000), 1_000_000)["length"] == 1_000_000
    return {pid: resident_bytes(pid) for pid in proxy.worker_pids()}


@pytest.mark.parametrize("framing", ["bytes", "chunked"])
def test_a_large_download_arrives_whole_in_little_memory(
    proxy: Proxy, warm: dict[int, int], digest_of_the_pattern: str, framing: str
) -> None:
    assert download(proxy.port, f"/{framing}/{LARGE}") == (LARGE, digest_of_the_pattern)
    assert growth_of_workers(proxy, warm) < GROWTH


@pytest.mark.parametrize("length", [LARGE, None], ids=["content-length", "chunked"])
def test_a_large_upload_arrives_whole_in_little_memory(
    proxy: Proxy, warm: dict[int, int], digest_of_the_pattern: str, length: int | None
) -> None:
    said = upload(proxy.port, pattern(LARGE), length)

    assert said == {"length": LARGE, "sha256": digest_of_the_pattern}
    assert growth_of_workers(proxy, warm) < GROWTH


def test_both_workers_serve(proxy: Proxy) -> None:
    for _ in range(64):
        assert get(proxy.port) == (200, b"origin")

    served = {worker["id"]: worker["requests"] for worker in proxy.status()["workers"]}

    assert sum(served.values()) == 64
    assert all(count > 0 for count in served.values()), served


def test_kept_alive_connections_lose_no_request(proxy: Proxy) -> None:
    with Load(proxy.port, clients=8) as load:
        load.further(3000)

    assert load.failures == Counter()


def log_lines(folder: Path) -> Iterator[str]:
    yield from (folder / "access.log").read_text().splitlines()


def test_every_exchange_has_its_line_in_the_access_log(proxy: Proxy, tmp_path: Path) -> None:
    for number in range(20):
        get(proxy.port, f"/name?{number}")
    assert proxy.run("stop").returncode == 0
    proxy.wait()

    logged = "\n".join(log_lines(tmp_path))

    assert all(f"/name?{number}" in logged for number in range(20))


def test_the_prometheus_page_adds_up_all_workers(tmp_path: Path, origin_address: str) -> None:
    with reserved_port() as port:
        file = configuration(tmp_path, every_host(origin_address), metrics={"prometheus": f"127.0.0.1:{port}"})
        with Proxy(tmp_path, "-c", str(file)) as proxy:
            for _ in range(32):
                get(proxy.port)
            status, page = get(port, "/metrics")

    counted = re.findall(r"^sozu_requests_total(?:\{.*\})? (\S+)$", page.decode(), re.MULTILINE)
    assert status == 200
    assert sum(map(float, counted)) == 32
