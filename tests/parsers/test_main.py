from io import BytesIO
import json
from pathlib import Path
import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest

import sozu.parsers
from sozu.parsers.__main__ import main
from sozu.parsers.kinds import KINDS, SAMPLES

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "input"
    path.write_bytes(GET)
    return path


def test_a_file_is_read_and_shown_as_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["request", str(file)]) == 0
    assert json.loads(capsys.readouterr().out)["value"]["target"] == "/"


def test_standard_input_is_read_without_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO(GET[:-1])))

    assert main(["request"]) == 2
    assert json.loads(capsys.readouterr().out)["outcome"] == "incomplete"


def test_an_error_is_shown_with_a_caret_for_human_eyes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(GET.replace(b"1.1", b"1.2"))

    assert main(["request", str(file)]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["position"] == 13
    assert captured.err.splitlines()[0].startswith("error at byte 13: expected ")
    assert captured.err.splitlines()[2] == " " * 13 + "^"


def test_values_may_be_read_one_after_the_other(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(GET * 3)

    assert main(["request", "--all", str(file)]) == 0
    assert [json.loads(line)["start"] for line in capsys.readouterr().out.splitlines()] == [0, len(GET), 2 * len(GET)]


@pytest.mark.parametrize(
    ("kind", "data"), [("request", GET + b"GET\0"), ("uri", b"/a\n/ b\n/c\n"), ("command", b"{}\0\0{")]
)
def test_one_error_among_many_values_is_shown_and_decides(
    kind: str, data: bytes, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(data)
    expected = {"request": 1, "uri": 1, "command": 2}[kind]

    assert main([kind, "--all", str(file)]) == expected
    assert capsys.readouterr().err.count("error at byte") == (expected == 1)


def test_an_empty_input_is_incomplete(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(b"")

    assert main(["request", "--all", str(file)]) == 2
    assert capsys.readouterr().out == ""


def test_splitting_shows_how_a_grammar_streams(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["request", "--split", "20", str(file)]) == 0
    assert [json.loads(line)["outcome"] for line in capsys.readouterr().out.splitlines()] == ["incomplete", "done"]


@pytest.mark.parametrize(
    "arguments",
    [["request", "--split", "0"], ["request", "--split", "1", "--all"], ["nonsense"], [], ["bench", "nonsense"]],
)
def test_a_wrong_command_line_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 3
    assert "usage:" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["request", str(tmp_path / "absent")]) == 3
    assert "absent" in capsys.readouterr().err


@pytest.mark.parametrize(("contents", "code"), [([GET], 0), ([GET, GET[:-1]], 2), ([GET[:-1], b"\0", GET], 1)])
def test_check_gives_one_verdict_a_file(
    contents: list[bytes], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)

    assert main(["check", *map(str, paths)]) == code
    assert len(capsys.readouterr().out.splitlines()) == len(contents)


def test_check_goes_on_after_a_file_that_cannot_be_read(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file.with_name("absent")), str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == f"{file}: accept\n"
    assert captured.err == f"sozu.parsers: {file.with_name('absent')}: No such file or directory\n"


def test_check_reads_standard_input_too(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO(GET + b"\0")))

    assert main(["check", str(file), "-", "-"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{file}: accept",
        f"-: refuse at byte {len(GET)} (method)",
        "-: incomplete",
    ]


def test_check_says_where_and_why(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(b"5;\r\n")

    main(["check", "--kind", "chunked", str(file)])

    assert capsys.readouterr().out == f"{file}: refuse at byte 2 (chunk-extension)\n"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_help_of_a_kind_has_a_sample_that_works(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([kind, "--help"])
    [command] = [line for line in capsys.readouterr().out.splitlines() if "printf" in line]
    printf, _, program = command.partition(" | ")
    printed = subprocess.run(["bash", "-c", printf], capture_output=True, check=True, timeout=60)

    assert printed.stdout == SAMPLES[kind]
    assert program == f"python -m sozu.parsers {kind}"


def test_a_full_disk_is_named_without_a_traceback(file: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sozu.parsers", "request", str(file)],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )

    assert done.stderr == b"sozu.parsers: standard input or output: No space left on device\n"
    assert done.returncode == 3


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_be_explained(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", kind]) == 0
    assert "-- certificate\n" in capsys.readouterr().out


def test_bench_may_be_asked_for_one_kind(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sozu.parsers.__main__.ROUND", 0.0001)

    assert main(["bench", "command"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_bench_times_the_samples(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sozu.parsers.__main__.ROUND", 0.0001)

    assert main(["bench"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(SAMPLES)


def test_the_file_is_a_program_too(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["parsers", "request", str(file)])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(Path(sozu.parsers.__file__).with_name("__main__.py")), run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out


def test_the_package_is_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sozu.parsers", "uri"], input=b"/a?b", capture_output=True, check=False, timeout=60
    )

    assert done.returncode == 0
    assert json.loads(done.stdout)["value"]["query"] == "b"
