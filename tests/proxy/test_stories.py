"""docs/balancing.md, configuration.md and routing.md tell stories about their settings: a configuration, and what happens under it, in its order. Here it happens."""

from collections.abc import Iterator
from pathlib import Path
import random
import re

import msgspec
import pytest

from sozu.command.config.loading import read_configuration
from sozu.command.config.schema import BackendEntry, ClusterEntry, FrontendEntry
from sozu.command.edits.facts import BasicAuth, ForwardAuth, HeaderEdit, Hsts, Rate, Redirect
from sozu.command.terms import Breaker, Failures, Queue, Retries
from tests.proxy.lab import Lab, opened
from tests.proxy.story import Story

PAGES = ("balancing.md", "configuration.md", "routing.md")
HEEDED = ("answers", "via", "merge_slashes", "encoded_slashes", "max_body_size")  # of the settings
TLS = {"tls", "certificate", "passthrough"}  # docs/tls.md tells of them
SLOW = {"min_rate"}  # bytes a second: what it bounds are real sockets
DOCS = Path(__file__).parents[2] / "docs"
STORIES = [
    found
    for name in PAGES
    for found in re.findall(r"^```yaml\n((?:(?!^```).)*?)^```\n```story\n(.*?)^```$", (DOCS / name).read_text("utf-8"), re.DOTALL | re.MULTILINE)
]


@pytest.fixture
def seeded() -> Iterator[None]:
    """Chance is the same each time."""
    before = random.getstate()
    random.seed(5)
    yield
    random.setstate(before)


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(("configuration", "lines"), STORIES, ids=[lines.partition("\n")[0] for _, lines in STORIES])
def test_what_the_page_tells_happens(configuration: str, lines: str) -> None:
    said = read_configuration(configuration, "sozu.yaml", Path("/etc/sozu"))
    with opened(Lab(backends=(), **{name: getattr(said.settings, name) for name in HEEDED})) as lab:
        story = Story(lab, said.state)
        for line in lines.splitlines():
            story.tell(line)


RUN = "".join(
    configuration
    for name in PAGES
    for configuration in re.findall(r"^```yaml\n((?:(?!^```).)*?)^```\n```(?:requests|edited|story)$", (DOCS / name).read_text("utf-8"), re.DOTALL | re.MULTILINE)
)


@pytest.mark.parametrize("entry", [ClusterEntry, FrontendEntry, BackendEntry, Failures, Queue, Retries, Breaker, Redirect, HeaderEdit, BasicAuth, ForwardAuth, Rate, Hsts])
def test_every_setting_stands_in_an_example_that_runs(entry: type[msgspec.Struct]) -> None:
    missing = [name for name in entry.__struct_fields__ if not re.search(rf"(?<![\w-]){name}:", RUN)]

    assert set(missing) <= TLS | SLOW


def test_every_story_is_told() -> None:
    assert sum((DOCS / name).read_text("utf-8").count("```story") for name in PAGES) == len(STORIES) >= 20
