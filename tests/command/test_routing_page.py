"""docs/routing.md shows configurations, requests and what becomes of them: here they are decided by the table that workers use."""

import json
from pathlib import Path
from random import Random
import re

import pytest

from sozu.command.config.loading import read_configuration
from sozu.command.routes import BareRequest, RouteTable
from sozu.command.rules.conditions import regex_in
from sozu.command.rules.objections import Objection
from sozu.parsers.heads.plain_path import plain_target
from sozu.parsers.reasons import Reason
from sozu.parsers.uri import normal_host
from tests.command import precedence

PAGE = (Path(__file__).parents[2] / "docs" / "routing.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```\n```requests\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
LINE = re.compile(r"(?P<method>\S+) +(?P<host>\[.*?\][^/]*|[^/ ]+)(?P<target>\S+)(?: on (?P<listener>\S+))?(?P<fields>.*?)-> (?P<cluster>\S+)")
ROWS = re.findall(r"^\| (`/.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
CASES = [(text, line) for text, lines in EXAMPLES for line in lines.splitlines()]


def test_every_configuration_of_the_page_has_its_requests() -> None:
    assert PAGE.count("```yaml") == sum(PAGE.count(f"```{kind}\n") for kind in ("requests", "edited", "story"))
    assert PAGE.count("```requests") == len(EXAMPLES) >= 5
    assert len(CASES) >= 40


@pytest.mark.parametrize(("text", "line"), CASES, ids=[line for _, line in CASES])
def test_a_request_of_the_page_takes_its_route(text: str, line: str) -> None:
    table = RouteTable.of(read_configuration(text, "routing.md", Path("/")).state)
    found = LINE.fullmatch(line)
    assert found is not None, "METHOD host/target  Field: value; Field: value -> cluster"

    fields = "".join(f"{field.strip()}\r\n" for field in found["fields"].split(";") if field.strip())
    request = BareRequest(found["method"].encode(), fields.encode())
    target = plain_target(found["target"].encode())
    assert isinstance(target, bytes)
    route = table.find(found["listener"] or "127.0.0.1:80", normal_host(found["host"].encode()).encode(), target, request)

    assert (route.cluster.cluster if route is not None else "404") == found["cluster"]


def test_the_list_of_the_page_is_the_one_that_follows_from_the_rules() -> None:
    assert f"```order\n{precedence.page()}```" in PAGE


def test_frontends_are_asked_in_the_order_of_the_list() -> None:
    left = list(precedence.frontends())
    method, host, path, fields = precedence.REQUEST
    while left:
        first = left.pop(0)
        others = [{"frontends": [each]} for each in left]
        Random(len(left)).shuffle(others)
        clusters = {"first": {"frontends": [first]}, **{f"c{number}": each for number, each in enumerate(others)}}
        table = RouteTable.of(read_configuration(json.dumps({"clusters": clusters}), "order.yaml", Path("/")).state)
        route = table.find("127.0.0.1:80", host.encode(), path.encode(), BareRequest(method.encode(), fields.encode()))
        assert route is not None
        assert route.cluster.cluster == "first", (first, route.frontend)


@pytest.mark.parametrize("line", re.findall(r"^```regex\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0].splitlines())
def test_an_expression_of_the_page_is_taken_or_refused_as_the_page_says(line: str) -> None:
    found = re.fullmatch(r"(\S+) +-> (.*)", line)
    assert found is not None
    expression, told = found.groups()
    if told == "refused":
        with pytest.raises(Objection):
            regex_in(expression, "path_regex")
    else:
        compiled = regex_in(expression, "path_regex")
        for text in told.split():
            assert compiled.matches(text.removeprefix("-").encode()) is not text.startswith("-")


def ticked(cell: str) -> list[str]:
    return re.findall(r"`(.*?)`", cell)


def tricks() -> list[tuple[str, str]]:
    found = []
    for written, result in ROWS:
        paths, told = ticked(written), ticked(result)
        found += [(path, told[0] if result.startswith("refused") else told[place]) for place, path in enumerate(paths)]
    return found


@pytest.mark.parametrize(("path", "told"), tricks())
def test_a_path_of_the_table_becomes_what_the_table_says(path: str, told: str) -> None:
    plain = plain_target(path.encode() + b"?q")

    assert (plain.value if isinstance(plain, Reason) else plain.decode().removesuffix("?q")) == told


def test_the_settings_of_the_table_do_what_the_table_says() -> None:
    assert plain_target(b"/a//b", merge_slashes=True) == b"/a/b"
    assert plain_target(b"/a%2Fb", encoded_slashes=False) is Reason.PATH_SEPARATOR


def test_there_is_a_table_of_paths() -> None:
    assert len(tricks()) >= 18


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.startswith("path-")])
def test_every_reason_about_paths_is_in_the_table(reason: Reason) -> None:
    assert any(f"`{reason}`" in result for _, result in ROWS)
