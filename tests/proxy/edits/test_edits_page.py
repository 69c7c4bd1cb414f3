"""docs/routing.md shows what frontends do with requests: here they do it, without a socket."""

from pathlib import Path
import re

import pytest

from sozu.command.config.loading import read_configuration
from sozu.command.routes import RouteTable
from sozu.command.settings import Settings
from sozu.parsers.result import Done
from sozu.proxy.edits import Desk
from sozu.proxy.failures import Denied, Redirected
from sozu.proxy.heads import REQUEST_VIEW, RESPONSE_VIEW
from sozu.proxy.meaning import Asked, treated, understand_request, understand_response

PAGE = (Path(__file__).parents[3] / "docs" / "routing.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n((?:(?!^```).)*?)^```\n```edited\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
LINE = re.compile(r"(?P<method>\S+) +(?P<host>[^/ ]+)(?P<target>\S+)(?: from (?P<client>\S+))?(?P<fields>.*?)-> (?P<who>\S+): (?P<lines>.+)")
CASES = [(text, line) for text, lines in EXAMPLES for line in lines.splitlines()]
RESPONSE = b"HTTP/1.1 200 OK\r\nServer: x\r\nVary: a\r\nContent-Length: 0\r\n\r\n"
LISTENER = "127.0.0.1:80"


def test_every_configuration_of_the_page_has_its_examples() -> None:
    assert PAGE.count("```edited") == len(EXAMPLES) >= 5
    assert len(CASES) >= 20


def asked(text: str, found: "re.Match[str]") -> Asked:
    routes = RouteTable.of(read_configuration(text, "routing.md", Path("/")).state)
    fields = [f"Host: {found['host']}", *(field.strip() for field in found["fields"].split(";") if field.strip())]
    head = "\r\n".join([f"{found['method']} {found['target']} HTTP/1.1", *fields, "", ""])
    outcome = REQUEST_VIEW.fused(head.encode())
    assert isinstance(outcome, Done)
    return understand_request(outcome.value, LISTENER, routes, Settings(command_socket="", journal=""))


def become(meaning: Asked, client: str) -> tuple[str, str]:
    """Who gets what."""
    if meaning.special is not None:
        try:
            meaning.special.admit(meaning.view, f"{client}:4711".encode(), Desk())
        except (Denied, Redirected) as failure:
            return "client", f"{failure.status}\r\n{failure.fields.decode()}"
    return "backend", meaning.head.decode()


def response(meaning: Asked) -> str:
    outcome = RESPONSE_VIEW.fused(RESPONSE)
    assert isinstance(outcome, Done)
    assert meaning.special is not None
    return treated(understand_response(outcome.value, None), meaning.special, None).head.decode()


@pytest.mark.parametrize(("text", "line"), CASES, ids=[line for _, line in CASES])
def test_a_request_of_the_page_becomes_what_the_page_says(text: str, line: str) -> None:
    found = LINE.fullmatch(line)
    assert found is not None, "METHOD host/target [from ADDRESS]  Field: value; Field: value -> who: line | line | -line that is not there"

    meaning = asked(text, found)
    who, head = become(meaning, found["client"] or "192.0.2.1")
    if found["who"] == "response":
        head = response(meaning)
    else:
        assert who == found["who"]
    for each in found["lines"].split(" | "):
        assert (each.removeprefix("-") in head.split("\r\n")) is not each.startswith("-"), head
