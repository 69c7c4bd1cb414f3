"""The quick pattern for any set of names: whatever it takes, the careful reading takes alike."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from sozu.parsers.fusion.decoding import Decoder
from sozu.parsers.fusion.emission import Emitter
from sozu.parsers.heads.known_fields import REQUEST_SLOTS, plain_slot
from sozu.parsers.heads.slots import Section, following, holds_blanks, next_words, parting, rest
from sozu.parsers.result import Done, Error, Incomplete, Outcome
from sozu.parsers.views import RequestView, build_request_view

START = b"GET /a HTTP/1.1\r\n"
# Few letters, so that names begin and end like each other and like the framing fields.
NAMES = st.one_of(
    st.text("aAcCtTx-_1", min_size=1, max_size=4).map(str.encode),
    st.sampled_from(
        [b"host", b"Cookie", b"content", b"content-", b"content-length", b"content-type", b"te", b"transfer", b"transfer-encoding"]
    ),
)
FIELDS = st.tuples(
    st.one_of(NAMES, st.just(b"contentlength"), st.just(b"transfer_encoding")),
    st.sampled_from([b"1", b"", b" 1", b"  a b ", b"chunked", b"close, a", b"\xff", b"x"]),
)


def told(outcome: Outcome[RequestView]) -> object:
    match outcome:
        case Done():
            view = outcome.value
            facts = [getattr(view, name) for name in RequestView.__struct_fields__[1:]]
            return outcome.end, facts, view.passed_fields(), view.passed_head()
        case Error():
            return outcome.position, outcome.reason
        case Incomplete():
            return "incomplete"


@settings(max_examples=40)  # each compiles a view of its own
@given(
    slots=st.lists(NAMES, max_size=4),
    cuts=st.lists(NAMES, max_size=3),
    heads=st.lists(st.lists(FIELDS, max_size=6), min_size=5, max_size=5),
)
def test_views_of_any_names_read_quickly_as_they_read_carefully(
    slots: list[bytes], cuts: list[bytes], heads: list[list[tuple[bytes, bytes]]]
) -> None:
    parser = build_request_view(slots, cuts)
    for lines in heads:
        data = START + b"".join(name + b":" + value + b"\r\n" for name, value in lines) + b"\r\n"
        assert told(parser.fused(data)) == told(parser.careful(data, 0)), data


def section(*, capital: bool) -> Section:
    slots = {slot.name: slot for slot in (*REQUEST_SLOTS, plain_slot(b"accept"))}
    return Section(Decoder(Emitter(quick=True), {}), slots, frozenset((b"connection", b"te")), capital=capital)


def test_the_pattern_for_capitals_has_the_groups_of_the_one_for_any_case() -> None:
    any_case, capital = section(capital=False), section(capital=True)
    assert (capital.decoder.groups, capital.values, capital.marks) == (any_case.decoder.groups, any_case.values, any_case.marks)
    for data, in_capitals in ((b"Host: a\r\n\r\n", True), (b"host: a\r\n\r\n", False), (b"x: a\r\n\r\n", True)):
        assert re.match(any_case.pattern, data)
        assert bool(re.match(capital.pattern, data)) == in_capitals


def test_an_extra_slot_does_not_replace_the_rules_of_a_known_one() -> None:
    parser = build_request_view((b"Host", b"content-length"))
    outcome = parser.fused(START + b"Host: a\r\nContent-Length: 5\r\n\r\n")
    assert isinstance(outcome, Done)
    assert outcome.value.more == (b"a", b"5")
    assert isinstance(parser.fused(START + b"Host: a b\r\n\r\n"), Error)
    assert isinstance(parser.fused(START + b"Content-Length: +5\r\n\r\n"), Error)


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"\xff", b"a\r\n"])
def test_a_name_that_no_field_can_have_is_refused(name: bytes) -> None:
    with pytest.raises(ValueError, match="is no field name"):
        build_request_view((name,))
    with pytest.raises(ValueError, match="is no field name"):
        build_request_view((), (name,))


@pytest.mark.parametrize("name", [b"content_length", b"TransferEncoding"])
def test_a_name_that_could_be_taken_for_a_framing_field_is_refused(name: bytes) -> None:
    with pytest.raises(ValueError, match="framing field"):
        build_request_view((name,))


def test_a_name_ends_with_its_colon() -> None:
    assert following([b"te", b"tea", b"tx"], 2) == frozenset(b":aA")
    assert rest(b"te") == b"(?i:e):"


def test_a_name_parts_from_a_framing_field_by_a_letter_only() -> None:
    assert ord("-") not in parting([b"cookie", b"contentlength"])
    assert ord("-") in parting([b"cookie"])


def test_strangers_part_early_and_next_words_at_a_dash() -> None:
    any_case, capital = section(capital=False), section(capital=True)
    assert len(list(any_case.strangers([b"host"]))) == 2  # by the second letter, for either case of the first
    assert len(list(any_case.strangers([b"accept", b"accept-encoding"]))) == 4  # by the third letter too
    assert len(list(capital.strangers([b"accept", b"accept-encoding"]))) == 2
    begins = [begin for begin in next_words([b"accept", b"accept-encoding"]) if begin.startswith(b"(?i:ccept\\x2d)")]
    assert len(begins) == 1
    assert b"E" not in begins[0].partition(b"[")[2].partition(b"]")[0]


def test_only_values_that_may_end_with_a_blank_are_trimmed() -> None:
    host, length, coding, connection, *_ = REQUEST_SLOTS
    assert not any(holds_blanks(slot.quick.tree) for slot in (host, length, coding, connection))
    assert holds_blanks(plain_slot(b"x").quick.tree)
