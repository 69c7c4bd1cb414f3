import json
from pathlib import Path

import pytest

from tests.e2e.asking import get
from tests.e2e.processes import Proxy, origin, run_sozu


def test_the_demo_answers_from_both_backends_and_takes_them_along_when_it_ends(tmp_path: Path) -> None:
    with Proxy(tmp_path, "--demo", "--listen", "127.0.0.1:0") as proxy:
        pages = {get(proxy.port, "/")[1] for _ in range(32)}
        backends = proxy.run("backend", "list").stdout.splitlines()[1:]

    assert any(b"Hello from red" in page for page in pages)
    assert any(b"Hello from blue" in page for page in pages)
    for line in backends:
        with pytest.raises(ConnectionRefusedError):
            get(int(line.split()[1].rpartition(":")[2]), "/")


def test_without_a_file_it_says_where_it_is_and_what_to_do_next(tmp_path: Path) -> None:
    with Proxy(tmp_path, "--listen", "127.0.0.1:0") as proxy:
        status, page = get(proxy.port, host="blog.example.com")
        said = "\n".join(proxy.lines.seen)

    assert status == 404
    assert b"blog.example.com" in page
    assert b"sozu frontend add" in page
    assert str(proxy.process.pid) in said
    assert "sozu.sock" in said


def test_to_is_a_proxy_in_one_line(tmp_path: Path) -> None:
    with (
        origin("named") as named,
        origin("rest") as rest,
        Proxy(tmp_path, "--listen", "127.0.0.1:0", "--to", f"blog.example.com={named}", "--to", rest) as proxy,
    ):
        assert get(proxy.port, host="blog.example.com") == (200, b"named")
        assert get(proxy.port, host="other.example.com") == (200, b"rest")


def test_a_second_serve_on_the_same_address_fails_loudly_and_harms_nothing(shared: Proxy, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    second = run_sozu("serve", "--listen", f"127.0.0.1:{shared.port}", folder=elsewhere)

    assert second.returncode == 2
    assert f"127.0.0.1:{shared.port}" in second.stderr
    assert get(shared.port) == (200, b"origin")


def test_a_second_serve_in_the_same_folder_names_the_first(shared: Proxy) -> None:
    second = run_sozu("serve", "-c", "sozu.yaml", folder=shared.folder)

    assert second.returncode == 2
    assert str(shared.process.pid) in second.stderr
    assert json.loads(shared.run("status", "--json").stdout)["pid"] == shared.process.pid


def test_a_file_with_errors_starts_nothing_and_shows_them_all(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("workres: 2\nclusters: {blog: {backends: [nowhere]}}\n")

    for verb in (["check", "bad.yaml"], ["serve", "-c", "bad.yaml"]):
        done = run_sozu(*verb, folder=tmp_path)

        assert done.returncode == 2
        assert "bad.yaml:1:1" in done.stderr
        assert "workers" in done.stderr
        assert "bad.yaml:2:" in done.stderr


def test_a_good_file_is_checked_without_a_master(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text('listeners: [{protocol: http, address: "127.0.0.1:0"}]\n')

    done = run_sozu("check", "good.yaml", folder=tmp_path)

    assert done.returncode == 0
    assert "good.yaml" in done.stdout
