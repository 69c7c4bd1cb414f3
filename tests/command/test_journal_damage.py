"""What a disk may do to a journal: it is found, the line is named, and nothing is loaded, changed or half loaded."""

from pathlib import Path

import pytest

from sozu.command.journal import Journal, JournalDamaged, Record
from sozu.command.journal.record import line_of
from sozu.command.orders import AddBackend, AddCluster


def record(revision: int) -> Record:
    orders = (AddCluster(cluster="blog"), AddBackend(cluster="blog", address=f"127.0.0.1:900{revision}"))
    return Record(revision=revision, when=1.5, uid=1000, pid=42, command="sozu", orders=orders)


RECORDS = [record(1), record(2), record(3)]
LINES = [line_of(each) for each in RECORDS]
WHOLE = b"".join(LINES)


def line_at(offset: int) -> int:
    return WHOLE.count(b"\n", 0, offset) + 1


def test_any_flipped_bit_is_found_and_its_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sozu.journal"
    for offset in range(len(WHOLE)):
        flipped = bytearray(WHOLE)
        flipped[offset] ^= 1 << offset % 8
        path.write_bytes(flipped)
        with Journal.open(path) as journal, pytest.raises(JournalDamaged) as damaged:
            journal.replay()
        assert damaged.value.line == line_at(offset), offset
        assert path.read_bytes() == flipped


def test_truncated_at_any_byte_it_keeps_the_whole_records_and_says_what_it_dropped(tmp_path: Path) -> None:
    path = tmp_path / "sozu.journal"
    for size in range(len(WHOLE)):
        path.write_bytes(WHOLE[:size])
        whole = WHOLE[:size].count(b"\n")
        end = sum(map(len, LINES[:whole]))
        with Journal.open(path) as journal:
            assert journal.replay() == RECORDS[:whole]
            assert (journal.torn.dropped if journal.torn else b"") == WHOLE[end:size]
        assert path.read_bytes() == WHOLE[:end]


def test_a_record_cannot_be_taken_out_or_put_twice(tmp_path: Path) -> None:
    path = tmp_path / "sozu.journal"
    for lines in ([LINES[0], LINES[2]], [LINES[0], LINES[0]], [LINES[1], LINES[0]]):
        path.write_bytes(b"".join(lines))
        with Journal.open(path) as journal, pytest.raises(JournalDamaged, match=r"follows|what was before is missing"):
            journal.replay()


def test_a_line_of_a_newer_version_with_an_order_we_do_not_know_says_so(tmp_path: Path) -> None:
    path = tmp_path / "sozu.journal"
    newer = line_of(record(1)).partition(b",")[2].replace(b"add_cluster", b"add_galaxy").replace(b"{", b"", 0)[:-2] + b',"schema":9}\n'
    path.write_bytes(b"{" + newer)
    with Journal.open(path) as journal, pytest.raises(JournalDamaged, match="newer version: schema 9"):
        journal.replay()
