"""The command that shrinks and keeps what a fuzzer finds."""

import json
from pathlib import Path

import pytest

from fuzz import save


def test_an_input_shrinks_to_what_makes_it_fail() -> None:
    assert save.shrunk(b"some text with a \xff in it, \xfe", lambda data: b"\xff" in data) == b"\xff"


def test_bytes_that_do_not_matter_become_plain() -> None:
    assert save.shrunk(b"\x00\x01\xff\x02", lambda data: len(data) == 4 and data[2] == 0xFF) == b"aa\xffa"


def test_it_is_written_with_the_verdict_beside_it(tmp_path: Path) -> None:
    path = save.saved("chunked", b"x", None, "a test", tmp_path)

    assert path.read_bytes() == b"x"
    assert json.loads(path.with_name(path.name + ".json").read_text()) == {
        "answer": "refuse",
        "position": 0,
        "reason": "chunk-size",
        "why": "a test",
    }


def test_the_verdict_is_left_to_a_human_where_judging_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(save, "judge", lambda _kind, _data: 1 // 0)
    path = save.saved("chunked", b"x", "x.bin", "a test", tmp_path)

    assert "no verdict yet" in path.with_name("x.bin.json").read_text()


def test_the_command_reads_a_file_and_says_what_it_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(_kind: str, data: bytes) -> None:
        assert b"!" not in data

    monkeypatch.setattr(save, "check", check)
    monkeypatch.setattr(save, "saved", lambda kind, data, name, why: Path(f"{kind}/{name}/{data.decode()}/{why}"))
    found = tmp_path / "crash"
    found.write_bytes(b"abc!def")

    assert save.main(["uri", str(found), "bang.txt"]) == 0
    assert capsys.readouterr().out == "uri/bang.txt/!/found by fuzzing: 1 bytes, AssertionError\n"


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        save.main(["uri", "absent"])
    assert "absent: No such file" in capsys.readouterr().err
