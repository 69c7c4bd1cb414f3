"""docs/balancing.md, configuration.md and routing.md tell stories about their settings: a configuration, and what happens under it, in its order. Here it happens."""

from collections.abc import Iterator
from pathlib import Path
import random
import re

import pytest

from sozu.command.config.loading import read_configuration
from tests.proxy.lab import Lab, opened
from tests.proxy.story import Story

PAGES = ("balancing.md", "configuration.md", "routing.md")
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
    with opened(Lab(backends=(), answers=said.settings.answers)) as lab:
        story = Story(lab, said.state)
        for line in lines.splitlines():
            story.tell(line)


def test_every_story_is_told() -> None:
    assert sum((DOCS / name).read_text("utf-8").count("```story") for name in PAGES) == len(STORIES) >= 20
