"""The backends of `sozu serve --demo`, seen from the process that starts them."""

from collections.abc import Iterator
from contextlib import contextmanager
import json
import subprocess
import sys


@contextmanager
def demo_backends() -> Iterator[tuple[list[str], int]]:
    """Start the demo's backends; their addresses, which can be connected to at once, and the cord. They end with the block."""
    # A process of its own: in the master, whose loop is the proxy's nerve, a slow page would hold up workers and tools.
    command = [sys.executable, "-m", "sozu.cli.demo_backends"]
    # Standard input is the cord: its end is theirs, however this process dies.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own file
        assert process.stdin is not None
        assert process.stdout is not None
        # The line comes when both listen, so whoever has the addresses can connect: no sleep, no second try. The cord's descriptor goes along,
        # because an upgrade replaces this program by another one, which has to keep it open.
        yield json.loads(process.stdout.readline()), process.stdin.fileno()
