"""The master as the first process of a container: orphans are its children, and nobody else ends the workers."""

import os
from pathlib import Path
import shutil
import signal
import subprocess

import pytest

from tests.e2e.asking import get
from tests.e2e.processes import Proxy, configuration, every_host
from tests.procfs import children

APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def test_orphans_are_reaped_and_a_stop_signal_ends_everything(tmp_path: Path, origin_address: str) -> None:
    if shutil.which("unshare") is None or subprocess.run([*APART, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a namespace of our own for processes is not allowed here")
    leash = tmp_path / "leash"
    os.mkfifo(leash)
    # The shell becomes the master, and so the parent of what its own child has left behind.
    orphaning = (*APART, "sh", "-c", f"(cat '{leash}' > /dev/null &); exec \"$@\"", "sh")
    file = configuration(tmp_path, every_host(origin_address), workers=1)
    with Proxy(tmp_path, "-c", str(file), through=orphaning) as proxy:
        (master,) = children(proxy.process.pid)
        (orphan,) = [pid for pid in children(master) if Path(f"/proc/{pid}/comm").read_text() == "cat\n"]
        assert proxy.status()["pid"] == 1

        leash.write_bytes(b"")
        while orphan in children(master):
            assert get(proxy.port) == (200, b"origin")

        os.kill(master, signal.SIGTERM)
        assert proxy.wait() == 0
    assert not proxy.socket.exists()
