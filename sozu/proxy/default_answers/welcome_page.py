"""The page in place of a bare 404 while somebody sets up: why nothing matched, and the commands that would route this host.

It is shown when `settings.welcome` is set (`sozu serve` without a file) and not in production: it repeats what the client
sent. Host and path are hostile text: quoted for a shell, because people paste commands, and then escaped for HTML.
"""

import html
import shlex

from sozu.proxy.default_answers.pages import HTML, TEXT, framed, html_page, wants_html

_ID = "my-app"
_BACKEND = "127.0.0.1:3000"


def welcome_answer(
    host: bytes, path: bytes, request_id: bytes, *, close: bool, head: bool = False, accept: bytes = b"", fields: bytes = b""
) -> bytes:
    """A whole 404 response for a request to `host` (with or without its port) and `path` that met no frontend."""
    hostname = _hostname(host)
    why = f"No frontend matches the host {_shown(hostname)} and the path {_shown(path)}."
    commands = _commands(hostname)
    if wants_html(accept):
        return framed(404, request_id, _html(why, commands), HTML, close=close, head=head, fields=fields)
    return framed(404, request_id, _text(why, commands), TEXT, close=close, head=head, fields=fields)


def _hostname(host: bytes) -> bytes:
    """Without the port; an IPv6 address keeps its colons and brackets."""
    bare, colon, port = host.rpartition(b":")
    return bare if colon and port.isdigit() else host


def _shown(text: bytes) -> str:
    """Readable on any terminal: what is not printable ASCII is escaped."""
    # It doubles backslashes as well, so that nobody writes escapes of his own. Nothing at all would leave a hole in the sentence.
    return ascii(text.decode("latin-1"))[1:-1] or '""'


def _commands(hostname: bytes) -> list[str]:
    # Escaped and then quoted: a control sequence between quotes would still be carried out by the terminal that shows the command. The star
    # is quoted, or the shell would put the names of files in its place.
    name = shlex.quote(_shown(hostname)) if hostname else "'*'"
    return [
        f"sozu cluster add {_ID}",
        f"sozu frontend add {_ID} {name}",
        f"sozu backend add {_ID} {_BACKEND}",
    ]


def _text(why: str, commands: list[str]) -> bytes:
    lines = ["Sōzu is running, and has no route for this request.", "", why, "", "To send this host to your program on"]
    lines += [f"{_BACKEND}, type:", "", *(f"    {command}" for command in commands), ""]
    return "\n".join([*lines, ""]).encode("utf-8")


def _html(why: str, commands: list[str]) -> bytes:
    body = (
        f"<p>{html.escape(why)}</p>\n<p>To send this host to your program on <code>{_BACKEND}</code>, type:</p>\n"
        # Last of all: the quotes of the shell are text of the page, too.
        f"<pre>{html.escape(chr(10).join(commands))}</pre>"
    )
    return html_page("Sōzu is running", body)
