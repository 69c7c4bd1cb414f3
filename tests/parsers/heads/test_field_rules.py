import pytest

from sozu.parsers.heads.field_rules import Fault, Survey, is_look_alike, survey
from sozu.parsers.heads.known_fields import REQUEST_SLOTS
from sozu.parsers.reasons import Reason

SLOTS = {slot.name: slot for slot in REQUEST_SLOTS}
CUTS = frozenset((b"te",))


def surveyed(*lines: bytes) -> Survey | Fault:
    """The lines are `name: value`, as they came."""
    fields = [(name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)]
    return survey(SLOTS, CUTS, fields, list(lines))


def test_values_of_slots_are_noted_and_lines_to_cut_left_out() -> None:
    found = surveyed(b"HOST: a", b"TE: x", b"X: 1", b"Connection: X, close", b"connection: y", b"A: 2")

    assert isinstance(found, Survey)
    assert found.values == {b"host": b"a", b"connection": b"X, close, y"}
    assert found.passed == b"HOST: a\r\nConnection: X, close\r\nconnection: y\r\nA: 2\r\n"


@pytest.mark.parametrize(
    ("lines", "offset", "reason"),
    [
        ([b"A: 1", b"Host: a", b"host: a"], 15, Reason.HOST_TWICE),
        ([b"Content-Length:  1x"], 18, Reason.LENGTH_INVALID),
        ([b"Transfer-Encoding: gzip"], 19, Reason.CODING_UNKNOWN),
        ([b"A: 1", b"Content_Length: 1"], 6, Reason.FRAMING_LOOK_ALIKE),
        ([b"A: 1", b"Connection: close, Host", b"Host: a"], 6, Reason.CONNECTION_OPTION),
        ([b"Host: /", b"Content_Length: 1"], 6, Reason.HOST_INVALID),
    ],
)
def test_the_first_fault_from_the_top_is_told(lines: list[bytes], offset: int, reason: Reason) -> None:
    assert surveyed(*lines) == Fault(offset, reason)


@pytest.mark.parametrize("name", [b"content_length", b"1transfer-encoding", b"contentlength", b"transfer.encoding-"])
def test_a_name_that_reads_as_a_framing_field_is_a_look_alike(name: bytes) -> None:
    assert is_look_alike(name)


@pytest.mark.parametrize("name", [b"content-length", b"transfer-encoding", b"content-lengths", b"x-content-length"])
def test_other_names_are_none(name: bytes) -> None:
    assert not is_look_alike(name)
