"""docs/operations.md: each script as it stands there, on a proxy under load, costs no request."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
import re
import subprocess
import sys

import pytest

from sozu.command.client import Client
from tests.e2e.load import Load
from tests.e2e.processes import LIMIT, ROOT, Proxy, configuration, environment, origin

PAGE = (ROOT / "docs" / "operations.md").read_text()


def scripts() -> Iterator[tuple[str, str]]:
    for section in PAGE.split("\n## ")[1:]:
        for number, script in enumerate(re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)):
            yield f"{section.splitlines()[0]}{' again' * number}", script


class Shop:
    """A proxy whose cluster `shop` has blue as its backend; green is up."""

    def __init__(self, proxy: Proxy, blue: str, green: str) -> None:
        self.proxy, self.blue, self.green = proxy, blue, green
        shim = proxy.folder / "sozu"
        shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m sozu "$@"\n')
        shim.chmod(0o755)

    def run(self, script: str) -> str:
        surroundings = environment(BLUE=self.blue, GREEN=self.green)
        path = f"{self.proxy.folder}:{surroundings['PATH']}"
        done = subprocess.run(
            ["sh", "-euc", script], cwd=self.proxy.folder, env={**surroundings, "PATH": path}, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        assert done.returncode == 0, done
        return done.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with origin("blue") as blue, origin("green") as green:
        clusters = {"shop": {"frontends": [{"hostname": "*"}], "backends": [blue]}}
        file = configuration(folder, clusters, access_log={"path": "./access.log"})
        with Proxy(folder, "-c", str(file)) as proxy:
            yield Shop(proxy, blue, green)


@pytest.mark.parametrize(("name", "script"), list(scripts()), ids=[name for name, _ in scripts()])
def test_a_script_costs_no_request(shop: Shop, name: str, script: str) -> None:
    with Client(shop.proxy.socket, timeout=LIMIT) as client:
        before = client.revision
        with Load(shop.proxy.port, host="shop.example", clients=2) as load:
            load.further(20)
            shop.run(script)
            load.further(20)
        client.rollback(before)

    assert load.failures == Counter(), name
    assert set(load.answers) <= {b"blue", b"green"}


def test_there_is_a_script_for_each_thing_that_operators_do() -> None:
    names = [name for name, _ in scripts()]

    for what in ("Blue and green", "Drain a backend", "Rotate all backends", "Roll back"):
        assert what in names


def test_after_blue_and_green_only_green_is_asked(shop: Shop) -> None:
    script = dict(scripts())["Blue and green"]
    with Client(shop.proxy.socket, timeout=LIMIT) as client:
        before = client.revision
        told = shop.run(script)
        with Load(shop.proxy.port, clients=1) as load:
            load.further(20)
        client.rollback(before)

    assert set(load.answers) == {b"green"}
    assert "+ backend" in told
    assert "- backend" in told
    assert "may be stopped now" in told


def test_after_a_rotation_the_new_log_is_written_to(shop: Shop) -> None:
    folder = Path(shop.proxy.folder)
    (folder / "access.log.1").unlink(missing_ok=True)
    shop.run(dict(scripts())["Rotate the access log"])
    with Load(shop.proxy.port, clients=1) as load:
        load.further(5)
        while not (folder / "access.log").exists() or not (folder / "access.log").stat().st_size:
            load.further(5)

    assert (folder / "access.log.1").exists()
