"""Masters to test."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.master.played import Play, Played
from tests.master.served import Serve, Served, start


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start masters, each in its folder (the same one by default); all are stopped in the end."""
    with ExitStack() as masters:

        def serve(*manners: str, folder: Path = tmp_path, **options: Any) -> Served:
            served = start(folder, *manners, **options)
            masters.callback(served.close)
            return served

        yield serve


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One master for all tests of a file that leave it as they found it."""
    served = start(tmp_path_factory.mktemp("served"))
    yield served
    served.close()


@pytest.fixture
def play() -> Iterator[Play]:
    with ExitStack() as played:
        slots = iter(range(10))

        def play() -> Played:
            one = Played(next(slots))
            played.callback(one.close)
            return one

        yield play
