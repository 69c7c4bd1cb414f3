"""The order in which frontends are asked, by an obvious reference: `python -m tests.command.precedence` prints the list that docs/routing.md shows."""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

HOSTS: Final = ({"hostname": "x.example"}, {"hostname": "*.example"}, {"hostname_regex": "[a-z]+.example"}, {"hostname": "*"})
PATHS: Final[tuple[dict[str, Any], ...]] = ({"path_exact": "/api/v1"}, {"path_regex": "/api/.*"}, {"path": "/api/v1"}, {"path": "/api"}, {})
CONDITIONS: Final[tuple[dict[str, Any], ...]] = (
    {"methods": ["GET"], "headers": [{"name": "x-a"}]},
    {"methods": ["GET"]},
    {"headers": [{"name": "x-a"}, {"name": "x-b"}]},
    {"headers": [{"name": "x-a"}]},
    {},
)
FEWER: Final = (CONDITIONS[1], CONDITIONS[4])
REQUEST: Final = ("GET", "x.example", "/api/v1", "X-A: 1\r\nX-B: 1\r\n")  # which all of them take


def frontends() -> Iterator[dict[str, Any]]:
    """All, in the order in which they are asked: position, hostname, path, methods, conditions, as the page's list of rules has it."""
    yield {**HOSTS[3], "path": "/", "position": "pre"}
    for host, path in product(HOSTS, PATHS):
        for condition in CONDITIONS if (host, path) == (HOSTS[0], PATHS[2]) else FEWER:
            yield {**host, **path, **condition}
    yield {**HOSTS[0], "path_exact": "/api/v1", "position": "post"}
    yield {**HOSTS[3], "position": "post"}


def written(frontend: dict[str, Any]) -> str:
    """One as YAML in flow style."""
    return "{" + ", ".join(f"{key}: {_value(value)}" for key, value in frontend.items()) + "}"


def page() -> str:
    """The list."""
    return "\n".join(f"{number:2}. {written(each)}" for number, each in enumerate(frontends(), 1)) + "\n"


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return written(value)
    text = str(value)
    return f'"{text}"' if set(text) & set("*[].{") else text


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - that is what it is for
