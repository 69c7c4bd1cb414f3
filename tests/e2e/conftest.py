"""What most tests here begin with: an origin, and a proxy that sends every host to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Proxy, configuration, every_host, origin


@pytest.fixture
def origin_address() -> Iterator[str]:
    with origin() as address:
        yield address


@pytest.fixture
def proxy(tmp_path: Path, origin_address: str) -> Iterator[Proxy]:
    """Two workers, one origin for every host, an access log."""
    file = configuration(tmp_path, every_host(origin_address), access_log={"path": "./access.log"})
    with Proxy(tmp_path, "-c", str(file)) as running:
        yield running
