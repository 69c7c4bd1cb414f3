"""Routes and edits through a whole proxy, from file and orders to the origin and back; what each rule means is told by tests without processes."""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

import pytest

from sozu.command.edits.facts import BasicAuth, ForwardAuth, HeaderEdit, Redirect, User
from sozu.command.facts import Match, Position
from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, RemoveHttpFrontend
from tests.e2e.asking import connect
from tests.e2e.processes import Proxy, configuration, origin

HASH = "$pbkdf2-sha256$i=100000$c2l4dGVlbiBieXRlcyBvaw$KDpXVuYqAHxiIqFnc7d2RCdEJucC7PlVyGmBp6Gp6L0"
RIGHT = {"Authorization": "Basic YWxpOm9wZW4gc2VzYW1l"}


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Two origins: `site` takes what `beta` does not."""
    folder = tmp_path_factory.mktemp("routed")
    with origin("site") as site, origin("beta") as beta:
        frontends: list[dict[str, Any]] = [
            {"hostname": "a.example", "cookies": [{"name": "beta", "value": "1"}]},
            {"hostname": "a.example", "methods": ["PUT"], "path_regex": r"/h[a-z]+"},
            {"hostname_regex": r"shop-\d+\.example"},
        ]
        clusters = {
            "site": {"frontends": [{"hostname": "a.example"}, {"hostname": "*", "path": "/.git", "deny": 403, "position": "pre"}], "backends": [site]},
            "beta": {"frontends": frontends, "backends": [beta]},
        }
        with Proxy(folder, "-c", str(configuration(folder, clusters, workers=1))) as running:
            yield running


def ask(proxy: Proxy, path: str, host: str = "a.example", method: str = "GET", **fields: str) -> tuple[int, dict[str, str], bytes]:
    connection = connect(proxy.port)
    connection.request(method, path, headers={"Host": host, "Connection": "close", **fields})
    with connection.getresponse() as response:
        answer = response.status, dict(response.getheaders()), response.read()
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("path", "host", "fields", "name"),
    [
        ("/name", "a.example", {}, b"site"),
        ("/name", "a.example", {"Cookie": "x=2; beta=1"}, b"beta"),
        ("/name", "a.example", {"Cookie": "beta=2"}, b"site"),
        ("/name", "shop-7.example", {}, b"beta"),
        ("/x/../%6Eame", "SHOP-7.example.", {}, b"beta"),
    ],
)
def test_a_request_takes_the_route_of_the_file(routed: Proxy, path: str, host: str, fields: dict[str, str], name: bytes) -> None:
    status, _, body = ask(routed, path, host, **fields)

    assert (status, body) == (200, name)


def test_what_is_denied_is_denied_in_every_spelling(routed: Proxy) -> None:
    for path in ("/.git", "/.git/config", "/%2Egit/config", "/x/../.git/", "/./.git"):
        assert ask(routed, path)[0] == 403
    for path in ("/..;/.git", "/x\\..\\.git", "/x%00/.git"):
        assert ask(routed, path)[0] == 400


def test_the_origin_sees_the_path_that_was_routed_and_the_head_that_was_edited(routed: Proxy) -> None:
    routed.ask(
        AddHttpFrontend(
            cluster="site",
            hostname="edited.example",
            path="/app",
            replace_prefix="/head",
            rewrite_host="app.internal",
            request_headers=(HeaderEdit(set="x-team", value="blue"), HeaderEdit(remove="cookie")),
            response_headers=(HeaderEdit(set="server", value="sozu"), HeaderEdit(add="strict-transport-security", value="max-age=1")),
        )
    )
    status, fields, body = ask(routed, "/%61pp/./x?q=%61", "edited.example", Cookie="a=1", **{"X-Team": "red"})
    seen = json.loads(body)
    arrived = {name.lower(): value for name, value in seen["fields"]}

    assert (status, seen["line"]) == (200, "GET /head/x?q=%61 HTTP/1.1")
    assert (arrived["host"], arrived["x-forwarded-host"], arrived["x-forwarded-prefix"]) == ("app.internal", "edited.example", "/app")
    assert arrived["x-team"] == "blue"
    assert "cookie" not in arrived
    assert (fields["server"], fields["strict-transport-security"]) == ("sozu", "max-age=1")
    assert "Server" not in fields


def test_a_redirect_and_a_password_come_and_go_by_orders(routed: Proxy) -> None:
    moved = AddHttpFrontend(cluster="site", hostname="old.example", redirect=Redirect(to="https://{host}{path}{query}", status=308))
    routed.ask(moved)
    status, fields, _ = ask(routed, "/x?y=1", "old.example")
    assert (status, fields["Location"]) == (308, "https://old.example/x?y=1")

    routed.ask(AddHttpFrontend(cluster="site", hostname="old.example", basic_auth=BasicAuth(users=(User(name="ali", hash=HASH),))))
    assert ask(routed, "/name", "old.example")[0] == 401
    assert ask(routed, "/name", "old.example", **RIGHT)[0] == 200
    assert ask(routed, "/name", "old.example", **RIGHT)[2] == b"site"

    routed.ask(RemoveHttpFrontend(cluster="site", hostname="old.example"))
    assert ask(routed, "/name", "old.example", **RIGHT)[0] == 404


def test_another_cluster_is_asked_first(routed: Proxy) -> None:
    question = ForwardAuth(cluster="beta", path="/name", copy=("server",))
    routed.ask(AddHttpFrontend(cluster="site", hostname="asked.example", forward_auth=question))
    status, _, body = ask(routed, "/head", "asked.example", Server="a lie")
    arrived = [value for name, value in json.loads(body)["fields"] if name.lower() == "server"]
    assert (status, len(arrived)) == (200, 1)
    assert arrived[0].startswith("BaseHTTP")

    routed.ask(AddHttpFrontend(cluster="site", hostname="asked.example", forward_auth=ForwardAuth(cluster="nobody")))
    status, _, body = ask(routed, "/head", "asked.example")
    assert status == 503
    assert b"reason forward-auth, request " in body


def test_a_condition_that_comes_by_order_holds_after_a_restart(tmp_path: Path) -> None:
    with origin("new") as address:
        with Proxy(tmp_path, "-c", str(configuration(tmp_path, {}, workers=1))) as proxy:
            proxy.ask(AddCluster(cluster="new"))
            proxy.ask(AddBackend(cluster="new", address=address))
            proxy.ask(AddHttpFrontend(cluster="new", hostname="*", query=(Match(name="v", regex="[2-9]"),), position=Position.POST))
            proxy.run("frontend", "add", "new", r"/x\d\.example/", "--header", "x-a~.+", "--method", "GET", "--path-exact", "/name")
            listed = proxy.run("frontend", "list").stdout
            proxy.run("stop")
            assert proxy.wait() == 0
        with Proxy(tmp_path, "-c", str(tmp_path / "sozu.yaml")) as again:
            assert again.run("frontend", "list").stdout == listed
            assert ask(again, "/name?v=3")[2] == b"new"
            assert ask(again, "/name?v=1")[0] == 404
            assert ask(again, "/name", "x5.example", **{"X-A": "1"})[2] == b"new"
            assert ask(again, "/name", "x5.example")[0] == 404
