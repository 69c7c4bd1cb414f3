"""A master of a few lines: it answers each verb with what a test has written down, and remembers what it was asked."""

from collections.abc import Iterator, Mapping, Sequence
import json
from pathlib import Path
import socket
import threading
from typing import Any, Self

Script = Mapping[str, Sequence[Mapping[str, Any]]]
OK: Mapping[str, Any] = {"status": "OK", "message": "committed as revision 2", "data": {"revision": 2}}


class ScriptedMaster:
    """Listens on `path`. A verb that the script does not know gets OK."""

    def __init__(self, path: Path, script: Script) -> None:
        self.asked: list[dict[str, Any]] = []
        self._script = script
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                tool, _ = self._listener.accept()
            except OSError:  # closed by the test
                return
            with tool:
                for request in requests(tool):
                    self.asked.append(request)
                    for answer in self._script.get(request["type"], [OK]):
                        message = {"id": request["id"], "message": "", "data": None, **answer}
                        tool.sendall(json.dumps(message).encode() + b"\0")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def requests(tool: socket.socket) -> Iterator[dict[str, Any]]:
    held = b""
    while data := tool.recv(65536):
        *frames, held = (held + data).split(b"\0")
        yield from map(json.loads, frames)
