import re
from typing import Any

import pytest

from sozu.parsers.abnf import ALPHA, DIGIT
from sozu.parsers.combinators import alt, many, map_, opt, recognize, record, seq, value
from sozu.parsers.fusion.decoding import Decoder, Tuples, relaxed
from sozu.parsers.fusion.emission import Emitter
from sozu.parsers.leaves import tag, take_while, take_while1
from sozu.parsers.regular import Regular

letters, digits = take_while1(ALPHA), take_while(DIGIT)
pair = seq(letters << tag(b"="), digits << tag(b";"))


def decoded(grammar: Regular[Any], data: bytes) -> Any:
    scope: dict[str, Any] = {}
    decoder = Decoder(Emitter(), scope)
    part = decoder.part(grammar.tree)
    match = re.fullmatch(part.pattern, data)
    assert match is not None
    return eval(part.expression, scope, dict(zip(decoder.groups, match.groups(), strict=True)))


@pytest.mark.parametrize(
    ("grammar", "data", "expected"),
    [
        (tag(b"a"), b"a", b"a"),
        (pair, b"a=1;", (b"a", b"1")),
        (letters << tag(b"!"), b"ab!", b"ab"),
        (opt(letters), b"", None),
        (opt(value(1, tag(b"a"))), b"a", 1),
        (alt(map_(letters, bytes.upper), map_(digits, int)), b"ab", b"AB"),
        (alt(map_(letters, bytes.upper), map_(digits, int)), b"12", 12),
        (alt(value(1, tag(b"a")), value(2, tag(b"b"))), b"b", 2),
        (many(pair) << tag(b"."), b"a=1;b=;.", [(b"a", b"1"), (b"b", b"")]),
        (many(alt(letters, tag(b"-"))), b"-ab-", [b"-", b"ab", b"-"]),
        (recognize(many(pair)), b"a=1;b=2;", b"a=1;b=2;"),
        (record(lambda name, number: (number, name), letters << tag(b"="), digits), b"a=1", (b"1", b"a")),
    ],
)
def test_the_expression_makes_the_value_out_of_the_groups(grammar: Regular[Any], data: bytes, expected: object) -> None:
    assert decoded(grammar, data) == expected


def test_no_group_stands_inside_a_repeated_body() -> None:
    assert re.compile(Decoder(Emitter(), {}).part(many(pair).tree).pattern).groups == 1


def test_only_wanted_values_have_groups() -> None:
    decoder = Decoder(Emitter(), {})
    decoder.part((letters >> tag(b"=") >> digits).tree)
    assert len(decoder.groups) == 1


def test_tuples_are_made_of_the_groups_that_took_part() -> None:
    made = Tuples(1, 2)
    assert made[5](("-", "a", "b", "c", "d", "e")) == [("a", "b"), ("c", "d")]
    assert made[1](("-",)) == []
    assert set(made) == {5, 1}


def test_what_is_known_to_match_is_looked_at_loosely_where_one_byte_ends_it() -> None:
    found = re.fullmatch(Emitter().emit(relaxed(pair.tree)), b"?=?;")
    assert found is not None
