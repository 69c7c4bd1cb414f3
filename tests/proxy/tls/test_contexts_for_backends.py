"""Which contexts a worker keeps for its clusters."""

from types import SimpleNamespace
from typing import Any

from sozu.command.certificates.terms import BackendTls
from sozu.command.draft import Change
from sozu.command.facts import Cluster
from sozu.proxy.tls.backends import SecureBackends

UNSAFE, USUAL = BackendTls(verify=False), BackendTls(verify=True)


def backends() -> SecureBackends:
    some: Any = SimpleNamespace(dials={}, rosters={})
    return SecureBackends(some, some, some, None, dict)


def cluster(name: str, terms: BackendTls | None) -> Cluster:
    return Cluster(cluster=name, tls=terms)


def test_one_context_does_for_all_whose_terms_differ_in_the_name_only_and_goes_with_the_last_of_them() -> None:
    kept = backends()
    one, two = (cluster(name, BackendTls(verify=False, server_name=f"{name}.example")) for name in ("one", "two"))
    kept.follow([Change(None, one), Change(None, two)])
    context = kept.context(UNSAFE)
    assert kept.context(BackendTls(verify=False, server_name="one.example")) is context

    kept.follow([Change(one, None)])
    assert kept.context(UNSAFE) is context
    kept.follow([Change(two, cluster("two", None))])
    assert len(kept) == 0


def test_terms_that_change_time_and_again_leave_nothing_behind() -> None:
    kept = backends()
    kept.follow([Change(None, cluster("shop", USUAL))])
    for before, after in [(USUAL, UNSAFE), (UNSAFE, USUAL)] * 3:
        kept.context(before)
        kept.follow([Change(cluster("shop", before), cluster("shop", after))])
    kept.context(USUAL)
    assert len(kept) == 1
