"""What most tests of the data path begin with: the whole of it in a lab, or one stream of it."""

from collections.abc import Iterator

from gevent import get_hub
import pytest

from sozu.proxy.stream import Stream
from tests.proxy.lab import Lab, Peer, opened, pair


@pytest.fixture
def lab() -> Iterator[Lab]:
    """One cluster with one backend for every host."""
    with opened(Lab()) as lab:
        yield lab


@pytest.fixture
def ends() -> Iterator[tuple[Stream, Peer]]:
    """A stream, and who is at its other end."""
    sock, peer = pair()
    stream = Stream(sock, get_hub())
    yield stream, peer
    stream.close()
    peer.close()
