from pathlib import Path

import pytest

from sozu.cli.announcing import MOST_SHOWN, announcer
from sozu.command.facts import Listener, Protocol
from sozu.command.orders import AddCertificate, AddCluster, AnyOrder
from sozu.master import Started


def told(
    capsys: pytest.CaptureFixture[str], *difference: AnyOrder, socket: str | None = None, routed: bool = True
) -> tuple[str, str]:
    started = Started(
        pid=7,
        command_socket="/run/sozu.sock",
        journal="/run/sozu.journal",
        revision=3,
        listeners=(
            Listener(protocol=Protocol.HTTP, address="127.0.0.1:8080"),
            Listener(protocol=Protocol.HTTPS, address="[::1]:8081"),
            Listener(protocol=Protocol.HTTP, address="unix:/run/front.sock"),
        ),
        prometheus="127.0.0.1:9102",
        difference=difference,
    )
    announcer(Path("sozu.yaml"), socket, routed=routed)(started)
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_it_says_where_it_is_and_what_to_type_next(capsys: pytest.CaptureFixture[str]) -> None:
    said, complained = told(capsys)

    assert "pid 7" in said
    assert "http://127.0.0.1:8080" in said
    assert "https://[::1]:8081" in said
    assert " unix:/run/front.sock" in said
    assert "http://127.0.0.1:9102/metrics" in said
    assert "/run/sozu.sock" in said
    assert "sozu status" in said
    assert complained == ""


def test_a_socket_in_an_odd_place_is_part_of_the_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    said, _ = told(capsys, socket="/odd place/s.sock")

    assert "sozu --socket '/odd place/s.sock' status" in said


def test_without_routes_it_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert "frontend add" in told(capsys, routed=False)[0]
    assert "frontend add" not in told(capsys, routed=True)[0]


def test_what_the_journal_kept_out_of_the_file_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _, complained = told(capsys, AddCluster(cluster="new"))

    assert "/run/sozu.journal wins" in complained
    assert '{"type": "add_cluster", "cluster": "new"}' in complained
    assert "--apply" in complained


def test_a_long_difference_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    _, complained = told(capsys, *(AddCluster(cluster=f"c{number}") for number in range(MOST_SHOWN + 5)))

    assert complained.count("add_cluster") == MOST_SHOWN
    assert "5 orders more" in complained


def test_a_private_key_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _, complained = told(capsys, AddCertificate(certificate="PUBLIC", private_key="SECRET"))

    assert "PUBLIC" in complained
    assert "SECRET" not in complained
