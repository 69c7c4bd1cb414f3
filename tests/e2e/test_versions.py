"""Two versions of the program: one replaces the other while it serves. The older one is the last that was tagged, or the first that could be upgraded."""

from collections import Counter
from importlib.util import find_spec
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tarfile
from typing import IO

import pytest

from sozu import __version__
from sozu.command.requests import UpgradeMaster
from tests.e2e.load import Load
from tests.e2e.processes import LIMIT, ROOT, Proxy, configuration, every_host

NEWER = f"{__version__}.post1"


def git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=LIMIT, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def older() -> str:
    """A commit; the test is skipped where there is no history."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed (docs/testing.md)")
    tags = git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-v:refname").split()
    first = git("log", "--diff-filter=A", "--format=%H", "--", "sozu/master/succession/upgrade.py").split()
    if not tags and (not first or git("rev-parse", "--is-shallow-repository") != "false"):
        pytest.skip("there is no history here from which an older version could be built")
    return tags[0] if tags else first[-1]


def unpacked(archive: IO[bytes], folder: Path) -> None:
    with tarfile.open(fileobj=archive, mode="r|") as tar:
        tar.extractall(folder, filter="data")


def wheel(source: Path, folder: Path) -> None:
    """Install it from a wheel, if there is something to build one with; a wheel of ours is this one folder."""
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(source), str(source)]
    if find_spec("hatchling") is not None:  # what builds our wheels; needed for nothing else
        subprocess.run(build, check=True, timeout=LIMIT)
        shutil.unpack_archive(next(source.glob("sozu-*.whl")), folder, "zip")
    else:
        shutil.copytree(source / "sozu", folder / "sozu")


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with the code of either."""
    commit, folder = older(), tmp_path_factory.mktemp("versions")
    source = folder / "source"
    with subprocess.Popen(["git", "-C", str(ROOT), "archive", commit, "sozu", "pyproject.toml", "README.md", "LICENSE"], stdout=subprocess.PIPE) as archive:
        assert archive.stdout is not None
        unpacked(archive.stdout, source)
    wheel(source, folder / "older")
    shutil.copytree(ROOT / "sozu", folder / "newer" / "sozu", ignore=shutil.ignore_patterns("__pycache__"))
    init = folder / "newer" / "sozu" / "__init__.py"
    init.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{NEWER}"', init.read_text()))
    return {"older": folder / "older", "newer": folder / "newer"}


def install(current: Path, version: Path) -> None:
    """In one instant."""
    aside = current.with_suffix(".next")
    aside.symlink_to(version)
    os.replace(aside, current)  # noqa: PTH105 - Path.replace follows no link either, but does not say so


@pytest.mark.parametrize(("before", "after"), [("older", "newer"), ("newer", "older")])
def test_one_version_replaces_the_other_and_loses_nothing(
    versions: dict[str, Path], tmp_path: Path, origin_address: str, before: str, after: str
) -> None:
    current = tmp_path / "current"
    install(current, versions[before])
    file = configuration(tmp_path, every_host(origin_address), workers=2)
    with Proxy(tmp_path, "-c", str(file), environ={"PYTHONPATH": str(current)}) as proxy:
        workers, started = proxy.worker_pids(), proxy.status()["version"]
        with Load(proxy.port, clients=2) as load:
            load.further(50)
            install(current, versions[after])
            told = proxy.ask(UpgradeMaster(grace=LIMIT))
            load.further(50)
        ended = proxy.status()

    assert load.failures == Counter()
    assert NEWER in {started, ended["version"]} != {NEWER}
    assert told.message == f"upgraded: 2 workers run version {ended['version']}"
    assert ended["pid"] == proxy.process.pid
    assert {row["pid"] for row in ended["workers"] if row["state"] == "running"}.isdisjoint(workers)
