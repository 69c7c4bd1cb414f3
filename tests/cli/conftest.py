from collections.abc import Iterator
import gc

import pytest


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """`sozu serve` turns it off until its master serves; run in a test's process, it is not to stay off for those that follow."""
    yield
    gc.enable()
