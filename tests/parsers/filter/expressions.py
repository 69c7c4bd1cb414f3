"""Random filters for hypothesis."""

from hypothesis import strategies as st

from sozu.parsers.filter.tree import Comparison, Conjunction, Disjunction, Expression, Field, Member, Negation, Operator

NAMES = st.sampled_from(["status", "cluster", "path", "backend.id", "x-y", "_a", "nothing", "in_flight", "order"])
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
TESTS = st.one_of(
    st.builds(Field, NAMES),
    st.builds(Comparison, NAMES, st.sampled_from(Operator), VALUES),
    st.builds(Member, NAMES, st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
)


def opposite(item: Expression) -> Expression:
    return item.item if isinstance(item, Negation) else Negation(item)


def compound(items: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(items, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Conjunction, several), st.builds(Disjunction, several), items.map(opposite))


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(TESTS, compound, max_leaves=6)
RECORDS = st.dictionaries(NAMES, VALUES, max_size=6)
