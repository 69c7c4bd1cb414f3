from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
import msgspec

from sozu.command.commit import commit
from sozu.command.config import Configuration, written
from sozu.command.config.loading import read_configuration
from sozu.command.edits.facts import AnswerPage, Rate
from sozu.command.facts import LoadBalancing, LogLevel, Match, Protocol, Timeouts
from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, AddListener, AnyOrder
from sozu.command.rules.limits import LONGEST_BODY, LONGEST_TIMEOUT
from sozu.command.settings import AccessLog, Metrics, Pool, Settings
from sozu.command.state import ConfigState, same_facts
from sozu.command.terms import Breaker, CheckKind, Failures, Health, ProxyProtocol, Queue, Retries, Share
from tests.command.test_laws import START, after, histories

SETTINGS = Settings(
    command_socket="/run/sozu.sock",
    journal="/var/lib/sozu: the journal.journal",
    workers=3,
    max_connections=7,
    max_body_size=1,
    min_rate=5,
    timeouts=Timeouts(request=1.5),
    pool=Pool(size=0),
    via="sozu",
    access_log=AccessLog(path="-"),
    metrics=Metrics(prometheus="127.0.0.1:9102", statsd="[::1]:8125"),
    log_level=LogLevel.DEBUG,
    welcome=True,
)


def read(text: str) -> Configuration:
    return read_configuration(text, "sozu.yaml", Path("/"))


def state(*orders: AnyOrder) -> ConfigState:
    return commit(ConfigState(), orders).state


def test_every_setting_is_read_back() -> None:
    assert read(written(Configuration(SETTINGS, ConfigState()))).settings == SETTINGS
    bare = Settings(command_socket="/s", journal="/s.journal")
    assert read(written(Configuration(bare, ConfigState()))).settings == bare


def test_every_kind_of_fact_is_read_back() -> None:
    facts = state(
        AddListener(protocol=Protocol.HTTP, address="[::1]:80"),
        AddListener(protocol=Protocol.HTTP, address="unix:/run/a b.sock", active=False),
        AddCluster(cluster="on"),
        AddCluster(cluster="010", load_balancing=LoadBalancing.RANDOM, timeouts=Timeouts(back=5), max_body_size=3, min_rate=0),
        AddHttpFrontend(cluster="010", hostname="*", path_exact="/a,b:c", listener="[::1]:80"),
        AddHttpFrontend(cluster="010", hostname="*.x.y", methods=("GET",), headers=(Match(name="beta", present=False),)),
        AddHttpFrontend(cluster="010", hostname_regex=r"[a-z]+\.x", path_regex=r"/\d+"),
        AddListener(protocol=Protocol.TCP, address="127.0.0.1:5432", cluster="010", proxy_from=("10.0.0.0/8",)),
        AddListener(protocol=Protocol.HTTP, address="127.0.0.1:80", trusted=("192.0.2.1", "2001:db8::/32")),
        AddCluster(cluster="slow", slow_start=5),
        AddCluster(
            cluster="terms",
            load_balancing=LoadBalancing.MAGLEV,
            hash_on="cookie:sid",
            sticky="SITE",
            split=(Share(cluster="010", share=2.5),),
            failures=Failures(limit=0),
            retries=Retries(),
            breaker=Breaker(share=20),
            max_exchanges=5,
            queue=Queue(),
            max_per_client=3,
            proxy_protocol=ProxyProtocol.V2,
            health=Health(kind=CheckKind.TCP, status=(200,)),
        ),
        AddHttpFrontend(cluster="terms", hostname="rated", rate=Rate(requests=5, burst=7)),
        AddBackend(cluster="terms", address="app.example.com:80", maintenance=True),
        AddBackend(cluster="010", address="127.0.0.1:1"),
        AddBackend(cluster="010", address="127.0.0.1:2", id="null", weight=0, backup=True),
    )

    assert same_facts(read(written(Configuration(SETTINGS, facts))).state, facts)


@given(histories)
def test_whatever_the_state_it_is_read_back(history: list[AnyOrder]) -> None:
    facts = after([*START, *history])
    again = read(written(Configuration(SETTINGS, facts)))

    assert same_facts(again.state, facts)
    assert again.settings == SETTINGS


@given(st.text())
@example("\x7f \x80 \x85 \x9f \u2028 \u2029 \ufeff \ufffe \uffff \U0001f600 \U0001ffff")
@example("\\u0085 \\\x85 \"\t\r\n'")
def test_whatever_the_text_it_is_read_back(text: str) -> None:
    pages = (AnswerPage(status=404, body=text.replace("{", "{{").replace("}", "}}")),)
    settings = msgspec.structs.replace(SETTINGS, answers=pages)
    facts = state(AddCluster(cluster="a", answers=pages))
    again = read(written(Configuration(settings, facts)))

    assert again.settings == settings
    assert same_facts(again.state, facts)


@given(st.floats(min_value=0, max_value=LONGEST_TIMEOUT, exclude_min=True), st.integers(min_value=1, max_value=LONGEST_BODY))
@example(0.1 + 0.2, LONGEST_BODY)
@example(5e-324, 1)
def test_whatever_the_number_it_is_read_back(seconds: float, size: int) -> None:
    settings = msgspec.structs.replace(SETTINGS, timeouts=Timeouts(back=seconds), max_body_size=size)

    assert read(written(Configuration(settings, ConfigState()))).settings == settings


def test_it_reads_as_people_write_it() -> None:
    facts = state(
        AddListener(protocol=Protocol.HTTP, address="127.0.0.1:80"),
        AddCluster(cluster="blog"),
        AddCluster(cluster="empty"),
        AddHttpFrontend(cluster="blog", hostname="x.y"),
        AddBackend(cluster="blog", address="127.0.0.1:1"),
    )
    settings = msgspec.structs.replace(SETTINGS, workers=2)

    assert written(Configuration(settings, facts)).split("listeners:")[1] == """
  - {protocol: "http", address: "127.0.0.1:80"}
clusters:
  "blog":
    frontends:
      - {hostname: "x.y", path: "/"}
    backends:
      - "127.0.0.1:1"
  "empty": {}
"""
