import pytest

from sozu.command.commit import commit
from sozu.command.edits.facts import Rate, Redirect
from sozu.command.facts import Match, Position, Protocol
from sozu.command.orders import AddCluster, AddHttpFrontend, AddListener, AnyOrder
from sozu.command.planning.explaining import BadUrl, Explanation, asked_of, explain
from sozu.command.settings import Settings
from sozu.command.state import ConfigState

ONE, TWO = "127.0.0.1:8080", "127.0.0.1:8081"
SETTINGS = Settings(command_socket="/s", journal="/j")


def state(*orders: AnyOrder) -> ConfigState:
    listeners = (AddListener(protocol=Protocol.HTTP, address=address) for address in (ONE, TWO))
    return commit(ConfigState(), [*listeners, AddCluster(cluster="blog"), AddCluster(cluster="shop"), *orders]).state


def frontend(hostname: str, cluster: str = "blog", **fields: object) -> AnyOrder:
    return AddHttpFrontend(cluster=cluster, hostname=hostname, **fields)  # type: ignore[arg-type]


def explained(url: str, *orders: AnyOrder, method: str = "GET", **headers: str) -> Explanation:
    (one,) = explain(state(*orders), SETTINGS, asked_of(url, method, headers))
    return one


def whys(one: Explanation) -> dict[str, str]:
    return {each.frontend: f"{each.verdict}: {each.why}" for each in one.candidates}


def test_the_one_that_takes_it_is_told_first_and_the_others_with_their_reasons() -> None:
    one = explained(
        "http://x.y/api/v1?a=1",
        frontend("x.y"),
        frontend("x.y", path="/api"),
        frontend("x.y", path_exact="/api/v2"),
        frontend("*.y", "shop"),
        frontend("*", "shop"),
        frontend("other.y", "shop"),
    )

    assert (one.listeners, one.host, one.target, one.cluster, one.answer) == ((ONE, TWO), "x.y", "/api/v1?a=1", "blog", "it goes to cluster blog")
    assert whys(one) == {
        "x.y/api": "takes it: of all that do, none stands before it (the hostname itself, the prefix /api)",
        "x.y/": "would take it: the prefix /api goes before the prefix /",
        "x.y/api/v2 (exactly)": "no: its path is another one: /api/v2",
        "*.y/": "would take it: the hostname itself goes before a hostname with a star",
        "*/": "would take it: the hostname itself goes before every host",
    }


def test_conditions_positions_and_expressions_are_reasons_too() -> None:
    one = explained(
        "x.y/",
        frontend("x.y"),
        frontend("x.y", methods=("POST",)),
        frontend("x.y", headers=(Match(name="beta", value="1"),)),
        frontend("*", "shop", position=Position.PRE, cookies=(Match(name="old"),)),
        AddHttpFrontend(cluster="shop", hostname_regex="[a-z]\\.y", path_regex="/x+"),
        frontend("x.y", position=Position.POST, path="/"),
        beta="1",
    )

    assert whys(one) == {
        "x.y/ with header beta=1": "takes it: of all that do, none stands before it (the hostname itself, the prefix /)",
        "x.y/": "would take it: one with methods, or with more conditions, goes before one with less",
        "x.y/ for POST": "no: its conditions do not hold",
        "*/ with cookie old (pre)": "no: its conditions do not hold",
        "/[a-z]\\.y/ ~ /x+": "no: its path is another one: /[a-z]\\.y/ ~ /x+",
        "x.y/ (post)": "would take it: position tree is asked before post",
    }


def test_listeners_that_do_otherwise_are_explained_apart() -> None:
    both = explain(state(frontend("x.y"), frontend("x.y", "shop", listener=TWO)), SETTINGS, asked_of("x.y"))
    own = whys(both[0])[f"x.y/ on {TWO}"]

    assert [(one.listeners, one.cluster) for one in both] == [((ONE,), "blog"), ((TWO,), "shop")]
    assert own == f"no: it is for the listener {TWO} alone"
    assert whys(both[1])["x.y/"] == "would take it: one for this listener alone goes before one for all"
    assert [one.cluster for one in explain(state(frontend("x.y")), SETTINGS, asked_of("x.y"), ONE)] == ["blog"]


def test_who_has_no_frontend_gets_the_nearest_name() -> None:
    assert explained("blgo.y/", frontend("blog.y")).answer == '404: no frontend is for "blgo.y"; did you mean "blog.y"?'
    assert explained("blog.y/", frontend("blog.y", path="/api")).answer == "404: no frontend takes it"


def test_what_a_frontend_does_besides_is_told() -> None:
    one = explained("x.y/old/1?a=b", frontend("x.y", path="/old", redirect=Redirect(to="https://{host}/new{rest}{query}", status=308)))

    assert one.answer == "the proxy answers 308 by itself, for cluster blog: to https://x.y/new/1?a=b"
    assert one.does["redirect"]["to"] == "https://{host}/new{rest}{query}"  # type: ignore[index]
    assert explained("x.y/", frontend("x.y", deny=403)).answer == "the proxy answers 403 by itself, for cluster blog"
    guarded = frontend("x.y", allow_from=("10.0.0.0/8",), rate=Rate(requests=1))
    assert explained("x.y/", guarded).answer == "it goes to cluster blog, if it passes allow_from and rate"


def test_a_url_with_scheme_and_port_means_the_listeners_that_have_them() -> None:
    tls = "127.0.0.1:8443"
    whole = state(AddListener(protocol=Protocol.HTTPS, address=tls), frontend("x.y"))

    def listeners(url: str) -> list[str]:
        return [address for one in explain(whole, SETTINGS, asked_of(url)) for address in one.listeners]

    assert listeners("x.y/") == [ONE, TWO, tls]
    assert listeners("https://x.y/") == [tls]
    assert listeners("http://x.y/") == [ONE, TWO]
    assert listeners("http://x.y:8081/") == [TWO]
    assert listeners("http://x.y:80/") == [ONE, TWO]  # something in front of us has that port


def test_a_path_is_looked_at_in_its_plain_spelling() -> None:
    assert explained("x.y/a/../api/%7Ex", frontend("x.y", path="/api")).target == "/api/~x"
    assert explained("x.y/%00", frontend("x.y")).answer.startswith("refused: ")


@pytest.mark.parametrize("url", ["", "http://", "http://[::1", "x.y/a b", "x.y/\u00fc"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        asked_of(url)


@pytest.mark.parametrize("url", ["http://[::1]:8081/", "[0:0::1]:8081/", "[::1]:8081"])
def test_an_ipv6_address_is_a_host(url: str) -> None:
    asked = asked_of(url)

    assert (asked.host, asked.port, asked.target) == ("[::1]", 8081, b"/")
    assert explained(url, frontend("[::1]")).cluster == "blog"
