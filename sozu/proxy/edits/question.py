"""What another cluster is asked before a request may pass (`forward_auth`), and what its answer means. Pure; reaching/permission.py does the asking.

The question is a GET with the fields of the request, without what belongs to its body, and with what it was about: X-Forwarded-Method and
X-Forwarded-Uri beside the lines that any backend gets. 2xx lets the request pass, with some fields of that answer; 3xx and 4xx are for the client.
"""

from typing import Final

from sozu.command.edits.facts import ForwardAuth
from sozu.parsers.fields.section import values, without
from sozu.parsers.views import RequestView, ResponseView
from sozu.proxy.failures import Denied, ToldElsewhere

PASSES: Final = range(200, 300)
FOR_THE_CLIENT: Final = range(300, 500)
NOT_MODIFIED: Final = 304  # an answer without a body to a question that was not conditional
# The question has no body. To announce one would have the other side wait for what never comes, or answer 100 first.
_OF_THE_BODY = frozenset(b"content-length content-type content-encoding transfer-encoding trailer expect".split())
# A 304 or 206 would say something about the page that is asked for here, and nothing about the permission.
_CONDITIONS = frozenset(b"if-match if-none-match if-modified-since if-unmodified-since if-range range".split())
_ASKED_ABOUT = frozenset((b"x-forwarded-method", b"x-forwarded-uri"))
_OURS = frozenset(b"content-length transfer-encoding trailer date".split())


class Question:
    """The question of one frontend."""

    __slots__ = ("_copied", "_path", "cluster")

    def __init__(self, auth: ForwardAuth) -> None:
        self.cluster = auth.cluster
        self._path = auth.path.encode()
        self._copied = [name.encode() for name in auth.copy]

    def head(self, request: RequestView, authority: bytes, target: bytes) -> bytes:
        """To which lines of ours and the empty one are still to be added."""
        # X-Forwarded-Uri of the client's own would be a lie about what is asked for: permission for /public, spent on /private.
        fields = without(request.passed_fields(), _OF_THE_BODY | _CONDITIONS | _ASKED_ABOUT | {b"host"})
        about = b"X-Forwarded-Method: %b\r\nX-Forwarded-Uri: %b\r\n" % (request.method, target)
        return b"GET %b HTTP/1.1\r\nHost: %b\r\n%b%b" % (self._path, authority, fields, about)

    def admitted(self, head: bytes, answer: ResponseView, body: bytes) -> bytes:
        """The head for the backend, with what the answer adds to it. Raises ToldElsewhere, or Denied where the answer is none."""
        if answer.status in FOR_THE_CLIENT and answer.status != NOT_MODIFIED:
            raise ToldElsewhere(answer.status, answer.reason, without(answer.passed_fields(), _OURS), body)
        if answer.status not in PASSES:
            raise Denied(503, f"forward_auth: {self.cluster} answered {answer.status}", "forward-auth")
        start, _, fields = head.partition(b"\r\n")
        # A client must not be able to say what the answer would have said.
        fields = without(fields, frozenset(self._copied)) if self._copied else fields
        said = answer.passed_fields()
        copies = [b"%b: %b\r\n" % (name, value) for name in self._copied for value in values(said, name)]
        return b"".join((start, b"\r\n", fields, *copies))
