"""Clients that keep asking while a test changes something, and count what went wrong and how."""

from collections import Counter
import http.client
import threading
from typing import Self

from tests.e2e.processes import LIMIT


class Load:
    """`clients` threads, each with one kept-alive connection, asking one after the other for `path` of `host`.

    `failures` counts what is not a 200: a status, or the name of an exception. A connection that is cut is opened anew;
    one that is refused counts as `refused`, which is never excusable.
    """

    def __init__(self, port: int, host: str = "any.example", path: str = "/name", clients: int = 4) -> None:
        self.failures: Counter[str] = Counter()
        self.answers: Counter[bytes] = Counter()
        self._target = ("127.0.0.1", port)
        self._host, self._path = host, path
        self._changed = threading.Condition()
        self._ending = False
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    @property
    def asked(self) -> int:
        """Requests that have ended, well or badly."""
        return self.answers.total() + self.failures.total()

    def further(self, count: int) -> None:
        """Return when `count` more requests have ended."""
        with self._changed:
            goal = self.asked + count
            assert self._changed.wait_for(lambda: self.asked >= goal, LIMIT), f"{self.asked} of {goal}; {self.failures}"

    def _run(self) -> None:
        connection = http.client.HTTPConnection(*self._target, timeout=LIMIT)
        while not self._ending:
            failure, body = self._ask(connection)
            with self._changed:
                if failure:
                    self.failures[failure] += 1
                else:
                    self.answers[body] += 1
                self._changed.notify_all()
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> tuple[str, bytes]:
        try:
            connection.request("GET", self._path, headers={"Host": self._host})
            response = connection.getresponse()
            body = response.read()
        except ConnectionRefusedError:
            connection.close()
            return "refused", b""
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return type(error).__name__, b""
        return ("" if response.status == http.HTTPStatus.OK else str(response.status)), body

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        for thread in self._threads:
            thread.join()
