"""What the process returns when it is not the proxy that has the last word."""

import os
from pathlib import Path
import signal
import subprocess
import sys

import pytest

from tests.cli.scripted_master import Script, ScriptedMaster

SOZU = [sys.executable, "-m", "sozu"]
# A shell has what it runs in the background ignore this signal, the tests perhaps, and with them all that they start.
INTERRUPTIBLE = [sys.executable, "-c", "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from sozu.__main__ import main; sys.exit(main())"]
PATIENCE = 30.0
REMOVE = ("backend", "remove", "blog", "127.0.0.1:9001")
WAITING = {"status": "PROCESSING", "message": "2 live exchanges on 127.0.0.1:9001", "data": {"exchanges": 2}}


def test_output_that_cannot_be_written_is_no_word_about_the_proxy() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([*SOZU, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=PATIENCE)

    assert ended.returncode == os.EX_IOERR
    assert "No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("cluster", "list"), ("cluster", "nonsense")])
def test_output_that_nobody_reads_ends_in_silence(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with ScriptedMaster(tmp_path / "s", {"dump_state": [{"status": "OK", "data": {"orders": []}}]}):
        environment = {**os.environ, "SOZU_SOCKET": str(tmp_path / "s")}
        told = writing if "nonsense" in arguments else subprocess.PIPE
        ended = subprocess.run([*SOZU, *arguments], stdout=writing, stderr=told, env=environment, check=False, timeout=PATIENCE)
    os.close(writing)

    assert ended.returncode == 128 + signal.SIGPIPE
    assert not ended.stderr


def test_an_interrupted_wait_is_no_refusal(tmp_path: Path) -> None:
    with ScriptedMaster(tmp_path / "s", {"remove_backend": [WAITING]}):
        command = [*INTERRUPTIBLE, "--socket", str(tmp_path / "s"), *REMOVE]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as waiting:
            assert waiting.stderr is not None
            assert "2 live exchanges" in waiting.stderr.readline()
            waiting.send_signal(signal.SIGINT)
            try:
                _, told = waiting.communicate(timeout=PATIENCE)
            finally:
                waiting.kill()

    assert waiting.returncode == 128 + signal.SIGINT
    assert told.strip() == "Interrupted. What was asked for may have been done."


def test_a_shell_is_told_what_could_come_next() -> None:
    environment = {**os.environ, "_SOZU_COMPLETE": "bash_complete", "COMP_WORDS": "sozu sta", "COMP_CWORD": "1"}
    ended = subprocess.run(SOZU, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)

    assert ended.stdout.split() == ["plain,status", "plain,state"]


def test_an_export_whose_answer_is_lost_leaves_no_file_with_all_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "state").write_text("as the master has written it")
    script: Script = {
        "status": [{"status": "OK", "data": {"settings": {"command_socket": "/s", "journal": "/j"}}}],
        "save_state": [{"status": "ERROR", "message": "it may not outlast a power failure"}],
    }
    with ScriptedMaster(tmp_path / "s", script):
        arguments = [*SOZU, "export", "--with-keys", str(tmp_path / "keys"), "--socket", str(tmp_path / "s")]
        ended = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=PATIENCE)

    assert "it may not outlast" in ended.stderr
    assert list((tmp_path / "keys").iterdir()) == []
