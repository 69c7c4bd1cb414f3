"""docs/balancing.md shows configurations, requests and who takes them: here they are asked."""

from pathlib import Path
import re

import pytest

from sozu.command.config.loading import read_configuration
from sozu.command.draft import Change
from sozu.proxy.registry import Registry

PAGE = (Path(__file__).parents[2] / "docs" / "balancing.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```\n```requests\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
REQUEST = re.compile(r"(?P<client>\S+)(?: (?P<field>\S.*\S))? +-> (?P<backend>\S+)")


@pytest.mark.parametrize(("configuration", "requests"), EXAMPLES)
def test_a_request_of_the_page_goes_where_the_page_says(configuration: str, requests: str) -> None:
    state = read_configuration(configuration, "sozu.yaml", Path("/etc/sozu")).state
    registry = Registry()
    draft = registry.draft()
    draft.after([Change(None, fact) for fact in state.facts()])
    registry.publish(draft)
    (roster,) = registry.rosters.values()

    for line in requests.splitlines():
        asked = REQUEST.fullmatch(line)
        assert asked is not None, line
        fields = f"{asked['field']}\r\n" if asked["field"] else ""
        key = roster.key(fields.encode(), f"{asked['client']}:4711".encode()) if roster.key else b""
        live = roster.choose((), key)
        assert live is not None
        assert (line, live.fact.address) == (line, asked["backend"])


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 3
