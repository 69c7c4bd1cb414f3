from collections.abc import Callable, Iterator
from contextlib import ExitStack
import gc
import os

import pytest


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """`sozu serve` turns it off until its master serves; run in a test's process, it is not to stay off for those that follow."""
    yield
    gc.enable()


@pytest.fixture
def piped() -> Iterator[Callable[[str], str]]:
    """Texts that can be read but once, under such names as a shell gives to `<(…)`."""
    with ExitStack() as ends:

        def pipe(text: str) -> str:
            reading, writing = os.pipe()
            ends.callback(os.close, reading)
            with os.fdopen(writing, "w") as file:
                file.write(text)
            return f"/dev/fd/{reading}"

        yield pipe
