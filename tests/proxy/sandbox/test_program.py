"""The seccomp filter, run by an interpreter of its few instructions."""

import errno
from typing import Final

import pytest

from sozu.proxy.sandbox.numbers import MACHINES, Machine
from sozu.proxy.sandbox.program import ALLOW, KILL, REFUSE, REFUSED, assembled, program

X86: Final = MACHINES["x86_64"]
READ: Final = 0
PID: Final = 4711


def verdict(machine: Machine, number: int, argument: int = 0, audit: int | None = None) -> int:
    """What the program returns for a system call."""
    data = {0: number, 4: machine.audit if audit is None else audit, 16: argument}
    lines, at, register = program(machine, PID), 0, 0
    while True:
        code, if_true, if_false, operand = lines[at]
        match code:
            case 0x20:
                register = data[operand]
            case 0x06:
                return operand
            case _:
                holds = {0x15: register == operand, 0x35: register >= operand, 0x45: bool(register & operand)}[code]
                at += if_true if holds else if_false
        at += 1


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_what_is_refused_is_refused_by_name(machine: Machine) -> None:
    known = [name for name in REFUSED if name in machine.calls]

    assert {verdict(machine, machine.calls[name]) for name in known} == {REFUSE | errno.EPERM}
    assert set(REFUSED) - set(known) <= {"fork", "vfork"}  # of which newer machines have none


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_threads_are_allowed_and_processes_are_not(machine: Machine) -> None:
    clone = machine.calls["clone"]

    assert verdict(machine, clone, 0x3D0F00) == ALLOW
    assert verdict(machine, clone, 17) == REFUSE | errno.EPERM
    assert verdict(machine, machine.calls["clone3"]) == REFUSE | errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_process_may_signal_its_own_threads_only(machine: Machine) -> None:
    tgkill = machine.calls["tgkill"]

    assert verdict(machine, tgkill, PID) == ALLOW
    assert {verdict(machine, tgkill, other) for other in (0, 1, PID - 1, 2**32 - 1)} == {REFUSE | errno.EPERM}


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_only_the_families_of_backends_have_sockets(machine: Machine) -> None:
    allowed = [family for family in range(50) if verdict(machine, machine.calls["socket"], family) == ALLOW]

    assert allowed == [1, 2, 10]
    assert verdict(machine, machine.calls["socket"], 16) == REFUSE | errno.EAFNOSUPPORT


def test_everything_else_is_allowed() -> None:
    named = set(X86.calls.values())

    assert {verdict(X86, number) for number in range(400) if number not in named} == {ALLOW}


def test_another_machine_s_calls_end_the_process() -> None:
    assert verdict(X86, READ, audit=MACHINES["aarch64"].audit) == KILL
    assert verdict(X86, 0x40000000 | X86.calls["execve"]) == REFUSE | errno.EPERM


def test_an_instruction_has_eight_bytes() -> None:
    lines = program(X86, PID)

    assert len(assembled(lines)) == 8 * len(lines)
    assert assembled(lines[:1]).hex() == "2000000004000000"
