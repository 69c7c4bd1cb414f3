"""docs/routing.md and docs/balancing.md show what frontends do with requests: here they do it, without a socket, the requests of an example in their order."""

from pathlib import Path
import re

import pytest

from sozu.command.config.loading import read_configuration
from sozu.command.routes import RouteTable
from sozu.command.settings import Settings
from sozu.parsers.result import Done
from sozu.proxy.answering.dressing import dressed
from sozu.proxy.edits import Desk
from sozu.proxy.failures import Denied, Redirected
from sozu.proxy.heads import REQUEST_VIEW, RESPONSE_VIEW
from sozu.proxy.meaning import Asked, treated, understand_request, understand_response

PAGE = "".join((Path(__file__).parents[3] / "docs" / name).read_text("utf-8") for name in ("routing.md", "balancing.md"))
EXAMPLES = re.findall(r"^```yaml\n((?:(?!^```).)*?)^```\n```edited\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
LINE = re.compile(r"(?P<method>\S+) +(?:(?P<scheme>https)://)?(?P<host>[^/ ]+)(?P<target>\S+)(?: +from (?P<client>\S+))?(?P<fields>.*?)-> (?P<who>\S+): (?P<lines>.+)")
RESPONSE = b"HTTP/1.1 200 OK\r\nServer: x\r\nVary: a\r\nContent-Length: 0\r\n\r\n"
LISTENER = "127.0.0.1:80"


def test_every_configuration_of_the_page_has_its_examples() -> None:
    assert PAGE.count("```edited") == len(EXAMPLES) >= 5
    assert sum(lines.count("\n") for _, lines in EXAMPLES) >= 35


def asked(text: str, found: "re.Match[str]") -> Asked:
    routes = RouteTable.of(read_configuration(text, "routing.md", Path("/")).state)
    fields = [f"Host: {found['host']}", *(field.strip() for field in found["fields"].split(";") if field.strip())]
    head = "\r\n".join([f"{found['method']} {found['target']} HTTP/1.1", *fields, "", ""])
    outcome = REQUEST_VIEW.fused(head.encode())
    assert isinstance(outcome, Done)
    return understand_request(outcome.value, LISTENER, routes, Settings(command_socket="", journal=""), (found["scheme"] or "http").encode())


def become(meaning: Asked, client: str, desk: Desk) -> tuple[str, str]:
    """Who gets what."""
    if meaning.special is not None:
        try:
            meaning.special.admit(meaning.view, f"{client}:4711".encode(), desk)
        except (Denied, Redirected) as failure:
            return "client", f"{failure.status}\r\n{dressed(failure, meaning, RouteTable()).fields.decode()}"
    return "backend", meaning.head.decode()


def response(meaning: Asked) -> str:
    outcome = RESPONSE_VIEW.fused(RESPONSE)
    assert isinstance(outcome, Done)
    assert meaning.special is not None
    return treated(understand_response(outcome.value, None), meaning.special, None).head.decode()


def question(meaning: Asked) -> str:
    assert meaning.special is not None
    asked, url = meaning.special.treatment.forward_auth, meaning.special.url
    assert asked is not None
    return asked.head(meaning.view, url.authority, url.target).decode()


@pytest.mark.parametrize(("text", "lines"), EXAMPLES, ids=[lines.partition("\n")[0] for _, lines in EXAMPLES])
def test_requests_of_the_page_become_what_the_page_says(text: str, lines: str) -> None:
    desk = Desk()
    for line in lines.splitlines():
        found = LINE.fullmatch(line)
        assert found is not None, "METHOD [https://]host/target [from ADDRESS]  Field: value; Field: value -> who: line | line | -line that is not there"

        meaning = asked(text, found)
        who, head = become(meaning, found["client"] or "192.0.2.1", desk)
        if found["who"] in ("response", "question"):
            head = response(meaning) if found["who"] == "response" else question(meaning)
        else:
            assert who == found["who"], line
        for each in found["lines"].split(" | "):
            assert (each.removeprefix("-") in head.split("\r\n")) is not each.startswith("-"), (line, head)
