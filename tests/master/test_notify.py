from pathlib import Path
import secrets
import socket

import pytest

from sozu.master.notify import READY, notify


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_that_we_are_ready(tmp_path: Path, *, abstract: bool) -> None:
    path = f"@sozu-{secrets.token_hex(8)}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path.replace("@", "\0"))
        assert notify(READY, {"NOTIFY_SOCKET": path})
        assert systemd.recv(100) == b"READY=1"


def test_without_systemd_nothing_is_said(tmp_path: Path) -> None:
    assert not notify(READY, {})
    assert not notify(READY, {"NOTIFY_SOCKET": "relative"})
    assert not notify(READY, {"NOTIFY_SOCKET": str(tmp_path / "gone")})
