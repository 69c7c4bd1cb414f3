import os
import signal
import sys

import pytest

from sozu.master.workers.process import Process

PATIENCE = 60.0


def child(code: str) -> Process:
    reader, writer = os.pipe()
    try:
        return Process.start([sys.executable, "-S", "-c", code], writer)
    finally:
        os.close(reader)
        os.close(writer)


def test_the_end_of_a_child_is_told_with_its_status() -> None:
    process = child("raise SystemExit(7)")

    assert process.fate == "running"
    assert process.ended.wait(PATIENCE)
    assert process.fate == "status 7"


def test_a_killed_child_is_reaped_and_the_signal_named() -> None:
    process = child("import signal; signal.pause()")
    process.kill()

    assert process.ended.wait(PATIENCE)
    assert process.fate == "signal SIGKILL"
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_a_signal_without_a_name_is_told_by_its_number() -> None:
    process = child("import signal; signal.pause()")
    os.kill(process.pid, signal.SIGRTMIN + 3)

    assert process.ended.wait(PATIENCE)
    assert process.fate == f"signal {signal.SIGRTMIN + 3}"


def test_a_signal_to_one_that_somebody_else_has_reaped_goes_nowhere() -> None:
    process = child("")
    os.waitpid(process.pid, 0)
    process.kill()

    assert process.ended.wait(PATIENCE)
    assert process.fate == "unknown"


def test_a_signal_to_a_child_that_has_ended_goes_nowhere() -> None:
    process = child("")
    process.ended.wait(PATIENCE)
    process.send(signal.SIGTERM)

    assert process.fate == "status 0"


def test_a_signal_to_one_that_was_forgotten_goes_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    process = child("import signal; signal.pause()")
    process.forget()
    process.forget()
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda descriptor, _: sent.append(descriptor))
    process.kill()
    os.kill(process.pid, signal.SIGKILL)
    os.waitpid(process.pid, 0)

    assert sent == []  # the number may be another process's by now
    assert not process.ended.is_set()


def test_a_child_does_not_inherit_the_line_to_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    process = child("import os; raise SystemExit('NOTIFY_SOCKET' in os.environ)")

    assert process.ended.wait(PATIENCE)
    assert process.fate == "status 0"


def test_a_child_that_is_still_being_imported_does_not_die_of_a_terminal_s_signals() -> None:
    process = child(
        "import signal, sys;"
        "signal.raise_signal(signal.SIGINT); signal.raise_signal(signal.SIGHUP);"
        "sys.exit(len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
    )

    assert process.ended.wait(PATIENCE)
    assert process.fate == "status 2"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_a_command_that_does_not_exist_is_an_error_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        Process.start(["/nonexistent/program"], 0)
