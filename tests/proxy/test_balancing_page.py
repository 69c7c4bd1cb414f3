"""docs/balancing.md shows configurations, requests and who takes them: here they are sent, through sessions, to scripted backends."""

from pathlib import Path
import re

import pytest

from sozu.command.config.loading import read_configuration
from sozu.command.facts import Frontend
from tests.proxy.lab import Lab, opened

PAGE = (Path(__file__).parents[2] / "docs" / "balancing.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n((?:(?!```).)*?)^```\n```requests\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
REQUEST = re.compile(r"(?P<client>\S+)(?: (?P<field>\S.*?\S))? +-> (?P<taker>\S+)(?: +(?P<told>\S.*\S))?")


def ask(lab: Lab, client: str, field: str | None, taker: str) -> tuple[bytes, bytes]:
    """The heads that the backend and the client get; the first is empty where no backend is asked."""
    fields = f"{field}\r\n" if field else ""
    peer = lab.client(f"GET / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n".encode(), name=f"{client}:4711".encode())
    seen = b""
    if ":" in taker:
        address, origin = lab.origin_at()
        assert address == taker
        seen = origin.head()
        origin.send(b"HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    return seen, peer.head()


@pytest.mark.parametrize(("configuration", "requests"), EXAMPLES)
def test_a_request_of_the_page_goes_where_the_page_says(configuration: str, requests: str) -> None:
    state = read_configuration(configuration, "sozu.yaml", Path("/etc/sozu")).state
    with opened(Lab(backends=())) as lab:
        first = next(iter(state.clusters))
        lab.change(*state.facts(), Frontend(cluster=first, hostname="a.example"))
        for line in requests.splitlines():
            asked = REQUEST.fullmatch(line)
            assert asked is not None, line
            seen, told = ask(lab, asked["client"], asked["field"], asked["taker"])
            assert b"Cookie: SITE" not in seen
            assert told.startswith(b"HTTP/1.1 200" if seen else f"HTTP/1.1 {asked['taker']}".encode()), line
            assert (asked["told"] or "").encode() in told


@pytest.mark.parametrize("configuration", re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
def test_a_file_of_the_page_is_a_configuration(configuration: str) -> None:
    assert read_configuration(configuration, "sozu.yaml", Path("/etc/sozu")).state.clusters


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 3
