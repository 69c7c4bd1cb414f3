from collections import Counter
from collections.abc import Iterator
import hashlib
from pathlib import Path
import re

import pytest

from tests.e2e.asking import download, get, upload
from tests.e2e.load import Load
from tests.e2e.origin import pattern
from tests.e2e.processes import Proxy
from tests.procfs import resident_bytes

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
def warm(shared: Proxy) -> dict[int, int]:
    """Resident bytes of each worker once it has moved a body of one megabyte each way."""
    for _ in range(16):
        assert download(shared.port, "/bytes/1000000")[0] == 1_000_000
        assert upload(shared.port, pattern(1_000_000), 1_000_000)["length"] == 1_000_000
    return {pid: resident_bytes(pid) for pid in shared.worker_pids()}


@pytest.mark.parametrize("framing", ["bytes", "chunked"])
def test_a_large_download_arrives_whole_in_little_memory(
    shared: Proxy, warm: dict[int, int], digest_of_the_pattern: str, framing: str
) -> None:
    assert download(shared.port, f"/{framing}/{LARGE}") == (LARGE, digest_of_the_pattern)
    assert growth_of_workers(shared, warm) < GROWTH


@pytest.mark.parametrize("length", [LARGE, None], ids=["content-length", "chunked"])
def test_a_large_upload_arrives_whole_in_little_memory(
    shared: Proxy, warm: dict[int, int], digest_of_the_pattern: str, length: int | None
) -> None:
    said = upload(shared.port, pattern(LARGE), length)

    assert said == {"length": LARGE, "sha256": digest_of_the_pattern}
    assert growth_of_workers(shared, warm) < GROWTH


def requests_served(proxy: Proxy) -> Counter[int]:
    return Counter({worker["id"]: worker["requests"] for worker in proxy.status()["workers"]})


def test_both_workers_serve(shared: Proxy) -> None:
    before = requests_served(shared)
    for _ in range(64):
        assert get(shared.port) == (200, b"origin")

    served = requests_served(shared) - before

    assert served.total() == 64
    assert len(served) == 2, served


def test_kept_alive_connections_lose_no_request(shared: Proxy) -> None:
    with Load(shared.port, clients=8) as load:
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


def test_the_prometheus_page_adds_up_all_workers(shared: Proxy) -> None:
    before = requests_told(shared)
    for _ in range(32):
        get(shared.port)

    assert requests_told(shared) - before == 32


def requests_told(proxy: Proxy) -> float:
    """The sum of what the page says of each worker."""
    port = proxy.status()["prometheus"].rpartition(":")[2]
    status, page = get(int(port), "/metrics")
    assert status == 200
    return sum(map(float, re.findall(r"^sozu_requests_total(?:\{.*\})? (\S+)$", page.decode(), re.MULTILINE)))
