"""What most tests here begin with: an origin, and a proxy that sends every host to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Proxy, configuration, every_host, origin


@pytest.fixture(scope="session")
def origin_address() -> Iterator[str]:
    with origin() as address:
        yield address


@pytest.fixture
def proxy(tmp_path: Path, origin_address: str) -> Iterator[Proxy]:
    """A proxy of the test's own, to stop or to reconfigure; one worker, which is quicker to start."""
    with usual(tmp_path, origin_address, workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, origin_address: str) -> Iterator[Proxy]:
    """One proxy for all tests of a file that leave it as they found it; two workers."""
    with usual(tmp_path_factory.mktemp("shared"), origin_address, workers=2) as running:
        yield running


@contextmanager
def usual(folder: Path, address: str, workers: int) -> Iterator[Proxy]:
    """One origin for every host, an access log, a page of figures."""
    logs: dict[str, Any] = {"access_log": {"path": "./access.log"}, "metrics": {"prometheus": "127.0.0.1:0"}}
    file = configuration(folder, every_host(address), workers=workers, **logs)
    with Proxy(folder, "-c", str(file)) as running:
        yield running
