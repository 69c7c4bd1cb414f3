"""Single requests to the proxy, whole or piece by piece."""

from collections.abc import Iterable
import hashlib
import http.client
import json
from typing import Any

from tests.e2e.processes import LIMIT


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)


def get(port: int, path: str = "/name", host: str = "any.example") -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own."""
    connection = connect(port)
    connection.request("GET", path, headers={"Host": host, "Connection": "close"})
    response = connection.getresponse()
    with response:
        answer = response.status, response.read()
    connection.close()
    return answer


def download(port: int, path: str) -> tuple[int, str]:
    """Length and SHA-256 of a body that is too long to keep."""
    connection = connect(port)
    connection.request("GET", path, headers={"Host": "any.example"})
    digest, length = hashlib.sha256(), 0
    with connection.getresponse() as response:
        while piece := response.read(65536):
            digest.update(piece)
            length += len(piece)
    connection.close()
    return length, digest.hexdigest()


def upload(port: int, pieces: Iterable[bytes], length: int | None) -> dict[str, Any]:
    """What /hash says of a body: sent with Content-Length, or chunked when the length is None."""
    framing = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    connection = connect(port)
    connection.request("PUT", "/hash", body=pieces, headers={"Host": "any.example", **framing}, encode_chunked=length is None)
    with connection.getresponse() as response:
        said: dict[str, Any] = json.loads(response.read())
    connection.close()
    return said
