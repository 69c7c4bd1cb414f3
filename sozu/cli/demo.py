"""The backends of `sozu serve --demo`, seen from the process that starts them."""

import json
import subprocess
import sys


class Demo:
    """The demo's backends, seen from the process that starts them; `addresses` can be connected to at once."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "sozu.cli.demo_backends"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own file
        assert self._process.stdout is not None
        with self._process.stdout as told:
            self.addresses: list[str] = json.loads(told.readline())

    def close(self) -> None:
        """End the backends and wait for their process."""
        self._process.communicate()
