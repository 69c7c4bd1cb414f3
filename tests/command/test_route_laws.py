"""The route table against a slow reading of docs/routing.md, word by word, over a small world, where collisions are frequent."""

import re
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from sozu.command.commit import Refused, commit
from sozu.command.facts import Frontend, Match, Position, Protocol
from sozu.command.orders import AddCluster, AddHttpFrontend, AddListener, AnyOrder
from sozu.command.routes import BareRequest, Route, RouteTable
from sozu.command.state import ConfigState

LISTENERS = ["127.0.0.1:80", "127.0.0.1:81"]
START: list[AnyOrder] = [
    *(AddCluster(cluster=name) for name in "abc"),
    *(AddListener(protocol=Protocol.HTTP, address=address) for address in LISTENERS),
]
HOSTS = [b"x.y", b"a.x.y", b"b.x.y", b"X.Y", b"x.y.", b"c.b.x.y", b"y", b"z", b"", b".x.y", b"*", b"*.x.y"]
TARGETS = [b"/", b"/api", b"/api?q=1&r=a+b", b"/api/", b"/api/v1?q=2", b"/api/v1/x/y/z", b"/api/v2?q=%31", b"/apix", b"/a", b"*", b"/%c3%bc?q"]
REQUESTS = [
    BareRequest(),
    BareRequest(b"POST", b"X-A: 1\r\nCookie: s=1; t=2\r\n"),
    BareRequest(b"get", b"x-a: 2\r\nX-A: 11\r\nCookie: s=1\r\nCookie: s=2\r\n"),
    BareRequest(b"HEAD", b"X-B: \r\nCookie: ;;=\r\n"),
]

hostnames: st.SearchStrategy[dict[str, str]] = st.sampled_from(
    [
        *({"hostname": name} for name in ("x.y", "*.y", "*.x.y", "a.x.y", "*")),
        *({"hostname_regex": regex} for regex in ("[ab].x.y", ".*", "A?.?X.Y", "(a|b).x.y")),
    ]
)
paths: st.SearchStrategy[dict[str, str]] = st.sampled_from(
    [
        *({"path": path} for path in ("/", "/api", "/api/", "/api/v1", "/apix", "/%C3%bc")),
        *({"path_exact": path} for path in ("/api", "/api/v1", "/")),
        *({"path_regex": regex} for regex in (r"/api/v\d+", "/a.*", "/.*", ".*x.*", "/%C3%BC")),
        {},
    ]
)
conditions: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "methods": st.sampled_from([("GET",), ("POST", "GET")]),
        "headers": st.lists(st.sampled_from([Match(name="x-a"), Match(name="X-A", value="1"), Match(name="x-a", regex="1+"), Match(name="x-b", present=False)]), max_size=2).map(tuple),
        "query": st.lists(st.sampled_from([Match(name="q", value="1"), Match(name="r", value="a b"), Match(name="q", present=False)]), max_size=2).map(tuple),
        "cookies": st.lists(st.sampled_from([Match(name="s", value="2"), Match(name="t")]), max_size=2).map(tuple),
    },
)
positions = st.sampled_from([Position.PRE, Position.TREE, Position.TREE, Position.TREE, Position.POST])
listeners = st.sampled_from([None, None, *LISTENERS])


def frontend(cluster: str, position: Position, listener: str | None, *rules: dict[str, Any]) -> AddHttpFrontend:
    fields = {key: value for rule in rules for key, value in rule.items()}
    return AddHttpFrontend(cluster=cluster, position=position, listener=listener, **fields)


rare_conditions = st.one_of(st.just({}), conditions)
frontends = st.builds(frontend, st.sampled_from("abc"), positions, listeners, hostnames, paths, rare_conditions)


def state_of(orders: list[AddHttpFrontend]) -> ConfigState:
    state = commit(ConfigState(), START).state
    for order in orders:
        try:
            state = commit(state, [order]).state
        except Refused:  # another cluster has it
            continue
    return state


def slow_route(state: ConfigState, listener: str, host: bytes, target: bytes, request: BareRequest) -> Route | None:
    name = host.decode().lower().removesuffix(".")
    path = target.decode().partition("?")[0].replace("%c3%bc", "%C3%BC")
    path = path if path.startswith("/") else "/"
    for position in ("pre", "tree", "post"):
        for takes_host in host_rules(state, name):
            candidates = [
                frontend
                for frontend in state.frontends.values()
                if frontend.position == position
                and takes_host == (frontend.hostname, frontend.hostname_regex)
                and frontend.listener in (None, listener)
                and takes_path(frontend, path)
                and all(holds(frontend, target, request))
            ]
            if candidates:
                best = min(candidates, key=precedence)
                return Route(best, state.clusters[best.cluster])
    return None


def host_rules(state: ConfigState, name: str) -> list[tuple[str, str | None]]:
    label, _, suffix = name.partition(".")
    regexes = {frontend.hostname_regex for frontend in state.frontends.values() if frontend.hostname_regex is not None}
    fitting = [regex for regex in regexes if re.fullmatch(regex, name, re.IGNORECASE)]
    in_order = sorted(fitting, key=lambda regex: (-len(regex), regex))
    named = [name, f"*.{suffix}"] if label and name != "*" else []
    return [*((each, None) for each in named), *(("", regex) for regex in in_order), ("*", None)]


def takes_path(frontend: Frontend, path: str) -> bool:
    if frontend.path_exact is not None:
        return path == frontend.path_exact
    if frontend.path_regex is not None:
        return re.fullmatch(frontend.path_regex, path) is not None
    prefix = frontend.path or "/"
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else prefix + "/")


def holds(frontend: Frontend, target: bytes, request: BareRequest) -> list[bool]:
    lines = [line.split(":", 1) for line in request.fields.decode().split("\r\n")[:-1]]
    query = parse_qsl(target.decode().partition("?")[2], keep_blank_values=True)
    cookies = [pair.strip().partition("=") for name, text in lines if name == "Cookie" for pair in text.split(";")]
    return [
        not frontend.methods or request.method.decode() in frontend.methods,
        *(fits(match, [value.strip() for name, value in lines if name.lower() == match.name]) for match in frontend.headers),
        *(fits(match, [value for name, value in query if name == match.name]) for match in frontend.query),
        *(fits(match, [value for name, _, value in cookies if name == match.name]) for match in frontend.cookies),
    ]


def fits(match: Match, values: list[str]) -> bool:
    if match.regex is not None:
        return any(re.fullmatch(match.regex, value) for value in values)
    if match.value is not None:
        return match.value in values
    return match.present == bool(values)


def precedence(frontend: Frontend) -> tuple[object, ...]:
    """The lower goes first."""
    if frontend.path_exact is not None:
        path: tuple[object, ...] = (0, 0, "")
    elif frontend.path_regex is not None:
        path = (1, -len(frontend.path_regex), frontend.path_regex)
    else:
        path = (2, -len(frontend.path or "/"), "")
    conditions = len(frontend.headers) + len(frontend.query) + len(frontend.cookies)
    return (*path, frontend.listener is None, not frontend.methods, -conditions, frontend.condition)


@given(st.lists(frontends, min_size=1, max_size=25))
def test_the_table_finds_what_a_slow_reading_of_the_rules_finds(orders: list[AddHttpFrontend]) -> None:
    state = state_of(orders)
    table = RouteTable.of(state)

    for host in HOSTS:
        for target in TARGETS:
            for number, request in enumerate(REQUESTS):
                listener = LISTENERS[number % 2]
                assert table.find(listener, host, target, request) == slow_route(state, listener, host, target, request)
