import pytest

from sozu.parsers.result import Done, Error, Incomplete, run
from sozu.parsers.wire.dns import AAAA, A, DnsAnswer, Record, dns_answer, write_query

QUESTION = write_query(0x1234, b"a.example.com", A)[12:]
POINTER = b"\xc0\x0c"


def answer(flags: int, *records: bytes, questions: int = 1) -> bytes:
    counts = (0x1234, flags, questions, len(records), 0, 0)
    return b"".join(each.to_bytes(2, "big") for each in counts) + QUESTION * questions + b"".join(records)


def record(kind: int, ttl: int, data: bytes, name: bytes = POINTER) -> bytes:
    return name + kind.to_bytes(2, "big") + b"\0\x01" + ttl.to_bytes(4, "big") + len(data).to_bytes(2, "big") + data


FOUND = answer(
    0x8180,
    record(5, 300, b"\x01b\xc0\x0e"),
    record(A, 60, bytes([192, 0, 2, 1]), name=b"\x01b\xc0\x0e"),
    record(AAAA, 30, bytes(15) + b"\x01", name=b"\x01b\x07example\x03com\0"),
)


def test_a_question_is_one_name_of_one_kind() -> None:
    assert write_query(1, b"ab.c", AAAA) == b"\0\x01\x01\0\0\x01\0\0\0\0\0\0" + b"\x02ab\x01c\0" + b"\0\x1c\0\x01"


def test_an_answer_has_aliases_and_addresses_with_their_time_to_live() -> None:
    outcome = run(dns_answer, FOUND)

    assert isinstance(outcome, Done)
    found: DnsAnswer = outcome.value
    assert (found.number, found.code, found.truncated) == (0x1234, 0, False)
    assert found.records[1:] == (Record(A, 60, bytes([192, 0, 2, 1])), Record(AAAA, 30, bytes(15) + b"\x01"))


@pytest.mark.parametrize(("flags", "code", "truncated"), [(0x8183, 3, False), (0x8380, 0, True), (0x8182, 2, False)])
def test_flags_say_what_went_wrong(flags: int, code: int, truncated: bool) -> None:  # noqa: FBT001
    outcome = run(dns_answer, answer(flags))

    assert isinstance(outcome, Done)
    assert (outcome.value.code, outcome.value.truncated, outcome.value.records) == (code, truncated, ())


def test_what_has_not_come_is_waited_for_at_every_byte() -> None:
    for size in range(len(FOUND)):
        assert isinstance(run(dns_answer, FOUND[:size]), Incomplete), size


@pytest.mark.parametrize(
    "data",
    [
        write_query(0x1234, b"a.b", A),
        answer(0x8180, questions=2),
        answer(0x8180, record(A, 1, b"", name=b"\x40")),
        answer(0x8180)[:6] + b"\xff\xff" + answer(0x8180)[8:],
    ],
    ids=["a question", "two questions", "a label of 64", "65535 records"],
)
def test_what_is_no_answer_is_an_error(data: bytes) -> None:
    assert isinstance(run(dns_answer, data + bytes(64)), Error)
