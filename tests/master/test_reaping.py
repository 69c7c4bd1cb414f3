"""Each in a process of its own: what it reaps would be missed by other tests."""

from pathlib import Path
import subprocess
import sys
from textwrap import dedent

BEFORE = """
import os, sys
from sozu.master.surroundings.reaping import keep_reaping, reap_strangers
from sozu.master.workers.process import WATCHED, Process

def ended_child():
    "The pid of one that nobody has reaped."
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid
"""


def run(code: str) -> None:
    program = BEFORE + dedent(code)
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_children_of_others_are_reaped() -> None:
    run("""
        strangers = {ended_child(), ended_child()}
        assert set(reap_strangers()) == strangers
        assert reap_strangers() == []
    """)


def test_our_own_are_left_to_whoever_watches_them() -> None:
    run("""
        pid = ended_child()
        assert reap_strangers(ours={pid}) == []
        process = Process(pid)
        assert reap_strangers() == []
        assert process.ended.wait(60)
        assert (process.fate, WATCHED) == ("status 0", set())
    """)


def test_those_that_run_are_let_run() -> None:
    run("""
        reader, writer = os.pipe()
        pid = os.posix_spawn("/bin/cat", ["cat"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, reader, 0)])
        assert reap_strangers() == []
        os.close(writer)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    """)


def test_only_the_first_process_reaps() -> None:
    run("""
        pid = ended_child()
        keep_reaping(2)
        assert reap_strangers() == [pid]
    """)
