import pytest

from sozu.command.draft import Change
from sozu.command.edits.facts import Hsts, Redirect
from sozu.command.facts import Cluster, Frontend
from sozu.command.routes import RouteTable
from sozu.command.settings import Settings
from sozu.parsers.result import Done
from sozu.proxy.edits.passwords import Desk
from sozu.proxy.failures import Redirected
from sozu.proxy.heads import REQUEST_VIEW
from sozu.proxy.registry import Registry
from sozu.proxy.tls.entrance import TlsEntrances, Way
from sozu.proxy.traffic import Entrances
from tests.proxy.lab import roomy

SETTINGS = Settings(command_socket="", journal="")
LISTENER = "127.0.0.1:8443"


def test_what_comes_over_tls_is_treated_as_https() -> None:
    entrances = Entrances(SETTINGS, Registry(), roomy())
    frontend = Frontend(cluster="c", hostname="*", hsts=Hsts(max_age=9), redirect=Redirect(to="/?{scheme}"))
    entrances.follow(RouteTable().after([Change(None, Cluster(cluster="c")), Change(None, frontend)]), SETTINGS)
    outcome = REQUEST_VIEW.fused(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert isinstance(outcome, Done)

    for entrance, scheme, line in (
        (entrances[LISTENER], b"http", b""),
        (TlsEntrances(entrances).of(Way(LISTENER, "TLSv1.3", None, None, None)), b"https", b"Strict-Transport-Security: max-age=9\r\n"),
    ):
        asked = entrance._understand(outcome.value)
        assert asked.special is not None
        assert asked.special.own_answer(b"") == line
        with pytest.raises(Redirected) as redirected:
            asked.special.admit(asked.view, b"", Desk())
        assert redirected.value.fields == b"Location: /?%b\r\n" % scheme
