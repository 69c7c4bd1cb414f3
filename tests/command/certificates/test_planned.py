"""What a plan shows of certificates that take each other's place."""

from hypothesis import given
from hypothesis import strategies as st

from sozu.command.commit import Refused, commit
from sozu.command.draft import Change
from sozu.command.orders import AnyOrder, RemoveCertificate
from sozu.command.planning.changes import alterations
from sozu.command.state import ConfigState
from tests.command.certificates.ordering import OTHER, A, B, C, added, done, replaced


def planned(before: ConfigState, *orders: AnyOrder) -> list[tuple[str, str, dict[str, object]]]:
    return [(row.sign, row.name, row.fields) for row in alterations(commit(before, orders).effects) if row.kind == "certificate"]


def test_one_that_is_new_is_a_change(state: ConfigState) -> None:
    assert planned(state, replaced(A, B, "a.example", "*.a.example")) == [("~", B, {})]
    assert planned(state, replaced(A, B, "a.example", "*.a.example"), replaced(B, C, "c.example", force=True)) == [
        ("~", C, {"names": [("a.example", "*.a.example"), ("c.example",)]})
    ]


def test_one_that_is_held_already_is_not_told_and_the_other_goes(state: ConfigState) -> None:
    both = done(state, added(B, "a.example", "*.a.example")).state

    assert planned(both, replaced(A, B, "a.example", "*.a.example")) == [
        ("~", B, {"place": ["its own", f"that of {A}"]}),
        ("-", A, {}),
    ]


def test_one_that_is_held_for_less_changes(state: ConfigState) -> None:
    both = done(state, added(B, "a.example", "*.a.example", listener=OTHER)).state

    assert planned(both, replaced(A, B, "a.example", "*.a.example")) == [("~", B, {"listeners": [(OTHER,), None], "place": ["its own", f"that of {A}"]}), ("-", A, {})]


def test_one_that_takes_a_place_and_gives_it_back_is_no_change(state: ConfigState) -> None:
    there_and_back = replaced(A, B, "a.example", "*.a.example"), replaced(B, A, "a.example", "*.a.example")

    assert planned(state, *there_and_back) == []


def test_one_that_comes_again_behind_its_heir_stays(state: ConfigState) -> None:
    names = "a.example", "*.a.example"

    assert planned(state, replaced(A, B, *names), added(A, *names)) == [
        ("~", A, {"place": ["its own", "behind the others"]}),
        ("+", B, {"names": names}),
    ]
    assert sorted(planned(state, replaced(A, B, *names), added(A, *names), replaced(A, C, *names))) == [
        ("+", B, {"names": names}),
        ("~", C, {}),
    ]


ORDERS: st.SearchStrategy[AnyOrder] = st.one_of(
    st.builds(added, st.sampled_from([A, B, C]), st.just("a.example")),
    st.builds(lambda old, new: replaced(old, new, "a.example", force=True), st.sampled_from([A, B, C]), st.sampled_from([A, B, C])),
    st.builds(RemoveCertificate, fingerprint=st.sampled_from([A, B, C]), force=st.just(value=True)),
)


@given(st.lists(ORDERS, max_size=3), st.lists(ORDERS, max_size=6))
def test_rows_say_who_comes_and_who_goes(before: list[AnyOrder], orders: list[AnyOrder]) -> None:
    state = ConfigState()
    for order in before:
        state = _tried(state, [order])
    effects = list[Change]()
    after = state
    for order in orders:
        try:
            made = commit(after, [order])
        except Refused:
            continue
        effects += made.effects
        after = made.state
    rows = alterations(effects)

    gone, come = state.certificates.keys() - after.certificates, after.certificates.keys() - state.certificates
    assert {row.name for row in rows if row.sign == "+"} <= come
    assert {row.name for row in rows if row.sign == "-"} <= gone
    assert {row.name for row in rows if row.sign == "~"} >= {each for each in after.certificates.keys() & state.certificates if after.certificates[each] != state.certificates[each]}
    # Whoever comes and is no "+" took the place of one that has gone and is no "-".
    assert len(come) - sum(row.sign == "+" for row in rows) == len(gone) - sum(row.sign == "-" for row in rows)


def _tried(state: ConfigState, orders: list[AnyOrder]) -> ConfigState:
    try:
        return commit(state, orders).state
    except Refused:
        return state
