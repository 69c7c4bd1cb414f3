from collections import Counter
import json
from pathlib import Path
import subprocess
import sys

from tests.e2e.asking import connect, get
from tests.e2e.load import Load
from tests.e2e.processes import LIMIT, Lines, Proxy, environment, origin


def test_a_cluster_comes_and_goes_by_the_command_line(proxy: Proxy) -> None:
    with origin("second") as address:
        proxy.run("cluster", "add", "second")
        proxy.run("frontend", "add", "second", "second.example", "--path", "/")
        assert get(proxy.port, host="second.example")[0] == 503

        proxy.run("backend", "add", "second", address)
        assert get(proxy.port, host="second.example") == (200, b"second")
        assert get(proxy.port, host="other.example") == (200, b"origin")
        assert json.loads(proxy.run("frontend", "list", "--json").stdout)[-1]["hostname"] == "second.example"

        proxy.run("cluster", "remove", "second")
        assert get(proxy.port, host="second.example") == (200, b"origin")
        assert [row["cluster"] for row in json.loads(proxy.run("cluster", "list", "--json").stdout)] == ["all"]


def test_changes_under_load_fail_no_request(proxy: Proxy, origin_address: str) -> None:
    with origin("second") as second, Load(proxy.port, clients=2) as load:
        for number in range(3):
            name = f"extra-{number}"
            proxy.run("cluster", "add", name)
            proxy.run("frontend", "add", name, f"{name}.example")
            proxy.run("backend", "add", name, second)
            proxy.run("backend", "add", "all", second)
            load.further(50)
            proxy.run("backend", "remove", "all", second)
            proxy.run("cluster", "remove", name)
        load.further(50)

    assert load.failures == Counter()
    assert set(load.answers) == {b"origin", b"second"}
    assert [row["address"] for row in json.loads(proxy.run("backend", "list", "--json").stdout)] == [origin_address]


def test_removing_a_backend_waits_for_its_last_exchange(proxy: Proxy, origin_address: str) -> None:
    downloading = connect(proxy.port)
    downloading.request("GET", "/held/gate", headers={"Host": "any.example"})
    response = downloading.getresponse()
    begun = response.read(500)

    with subprocess.Popen(
        [sys.executable, "-m", "sozu", "backend", "remove", "all", origin_address],
        cwd=proxy.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as removal:
        assert removal.stderr is not None
        Lines(removal.stderr).until("1 live exchange")
        assert removal.poll() is None
        assert get(proxy.port)[0] == 503

        host, _, port = origin_address.partition(":")
        assert host == "127.0.0.1"
        assert get(int(port), "/release/gate") == (200, b"released")
        with response:
            assert begun + response.read() == b"a" * 500 + b"b" * 500
        assert removal.wait(LIMIT) == 0
        assert removal.stdout is not None
        assert "may be stopped now" in removal.stdout.read()
    downloading.close()


def test_a_restart_takes_up_the_journal_again(proxy: Proxy, tmp_path: Path) -> None:
    proxy.run("cluster", "add", "kept")
    revision = proxy.status()["revision"]
    proxy.run("stop")
    assert proxy.wait() == 0

    with Proxy(tmp_path, "-c", str(tmp_path / "sozu.yaml")) as again:
        assert [row["cluster"] for row in json.loads(again.run("cluster", "list", "--json").stdout)] == ["all", "kept"]
        assert again.status()["revision"] >= revision


def test_apply_lets_the_file_win_over_the_journal(proxy: Proxy, tmp_path: Path) -> None:
    proxy.run("cluster", "add", "forgotten")
    proxy.run("stop")
    assert proxy.wait() == 0

    with Proxy(tmp_path, "-c", str(tmp_path / "sozu.yaml"), "--apply") as again:
        assert [row["cluster"] for row in json.loads(again.run("cluster", "list", "--json").stdout)] == ["all"]
