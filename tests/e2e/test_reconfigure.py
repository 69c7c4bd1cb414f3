from collections import Counter
import json
from pathlib import Path
import subprocess
import sys

from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, RemoveBackend, RemoveCluster
from tests.e2e.asking import connect, get
from tests.e2e.load import Load
from tests.e2e.processes import LIMIT, ROOT, Lines, Proxy, environment, origin

CHANGES = 30  # rounds of six orders each


def test_a_cluster_comes_and_goes_by_the_command_line(shared: Proxy) -> None:
    with origin("second") as address:
        shared.run("cluster", "add", "second")
        shared.run("frontend", "add", "second", "second.example", "--path", "/")
        assert get(shared.port, host="second.example")[0] == 503

        shared.run("backend", "add", "second", address)
        assert get(shared.port, host="second.example") == (200, b"second")
        assert get(shared.port, host="other.example") == (200, b"origin")
        assert json.loads(shared.run("frontend", "list", "--json").stdout)[-1]["hostname"] == "second.example"

        shared.run("cluster", "remove", "second")
        assert get(shared.port, host="second.example") == (200, b"origin")
        assert clusters(shared) == ["all"]


def test_what_the_readme_says_can_be_done(shared: Proxy) -> None:
    told = (ROOT / "README.md").read_text().partition("**Reconfigure**")[2].partition("\n**")[0]
    commands = [line.split()[1:] for line in told.splitlines() if line.startswith("    sozu ")]
    for command in commands:
        shared.run(*command)
    shared.run("cluster", "remove", "shop")

    assert len(commands) == 5
    assert clusters(shared) == ["all"]


def test_changes_under_load_fail_no_request(shared: Proxy, origin_address: str) -> None:
    with origin("second") as second, Load(shared.port, clients=2) as load:
        for number in range(CHANGES):
            name = f"extra-{number}"
            shared.ask(AddCluster(cluster=name))
            shared.ask(AddHttpFrontend(cluster=name, hostname=f"{name}.example"))
            shared.ask(AddBackend(cluster=name, address=second))
            shared.ask(AddBackend(cluster="all", address=second))
            load.further(10)
            shared.ask(RemoveBackend(cluster="all", address=second, wait=True))
            shared.ask(RemoveCluster(cluster=name))
        load.further(10)

    assert load.failures == Counter()
    assert set(load.answers) == {b"origin", b"second"}
    assert [row["address"] for row in json.loads(shared.run("backend", "list", "--json").stdout)] == [origin_address]


def test_removing_a_backend_waits_for_its_last_exchange(proxy: Proxy, origin_address: str) -> None:
    downloading = connect(proxy.port)
    downloading.request("GET", "/held/removal", headers={"Host": "any.example"})
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
        assert get(int(port), "/release/removal") == (200, b"released")
        with response:
            assert begun + response.read() == b"a" * 500 + b"b" * 500
        assert removal.wait(LIMIT) == 0
        assert removal.stdout is not None
        assert "may be stopped now" in removal.stdout.read()
    downloading.close()


def test_a_restart_takes_up_the_journal_again_unless_the_file_is_to_win(proxy: Proxy, tmp_path: Path) -> None:
    proxy.run("cluster", "add", "kept")
    revision = proxy.status()["revision"]
    proxy.run("stop")
    assert proxy.wait() == 0

    with Proxy(tmp_path, "-c", str(tmp_path / "sozu.yaml")) as again:
        assert clusters(again) == ["all", "kept"]
        assert again.status()["revision"] >= revision

    with Proxy(tmp_path, "-c", str(tmp_path / "sozu.yaml"), "--apply") as applied:
        assert clusters(applied) == ["all"]


def clusters(proxy: Proxy) -> list[str]:
    return [row["cluster"] for row in json.loads(proxy.run("cluster", "list", "--json").stdout)]
