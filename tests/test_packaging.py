"""The units and the container file agree with the program."""

from configparser import ConfigParser
from pathlib import Path
import shutil
import subprocess
import tomllib

import pytest

from sozu import __version__

ROOT = Path(__file__).parent.parent
PACKAGING = ROOT / "packaging"


def unit(name: str) -> ConfigParser:
    read = ConfigParser(strict=False, interpolation=None)
    setattr(read, "optionxform", str)  # noqa: B010 - names of units have capitals
    read.read(PACKAGING / "systemd" / name)
    return read


def test_program_project_file_and_changelog_speak_of_the_same_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    sections = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]

    assert project["version"] == __version__
    assert sections[0] in ("## Unreleased", f"## {__version__}")
    assert sections[-1] == "## 0.1.0"


def test_the_service_is_notified_and_outlived_by_its_workers() -> None:
    service = unit("sozu.service")["Service"]

    assert service["Type"] == "notify"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["KillMode"] == "process"
    assert int(service["FileDescriptorStoreMax"]) > 0
    assert " serve " in service["ExecStart"]


def test_the_container_s_first_process_is_the_master() -> None:
    lines = (PACKAGING / "container" / "Containerfile").read_text().splitlines()

    assert 'ENTRYPOINT ["/opt/sozu/bin/sozu"]' in lines
    assert 'CMD ["serve", "-c", "/etc/sozu/sozu.yaml"]' in lines
    assert "STOPSIGNAL SIGTERM" in lines


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed (docs/testing.md)")
    for name in ("sozu.service", "sozu.socket"):
        text = (PACKAGING / "systemd" / name).read_text().replace("/opt/sozu/bin/sozu", "/bin/true")
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))], capture_output=True, text=True, check=False
    )

    assert [line for line in done.stderr.splitlines() if "sozu." in line] == []
