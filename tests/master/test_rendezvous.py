import logging
from pathlib import Path

import pytest

from sozu.master.workers.rendezvous import Places, remove, slot_of


def test_what_is_made_is_found_with_its_slot_and_removed(tmp_path: Path) -> None:
    places = Places(str(tmp_path / "sozu.sock"))
    made = places.make(3)
    assert made is not None
    place, path = made
    place.close()

    assert list(places) == [path]
    assert slot_of(path) == 3
    remove(path)
    remove(path)
    assert list(places) == []


def test_what_others_have_put_beside_the_command_socket_is_none_of_ours(tmp_path: Path) -> None:
    for name in ("x", "3", "x-0123abcd", "3-notes", "3-0123abcd.bak", "-3-0123abcd", "\u0663-0123abcd"):
        (tmp_path / f"sozu.sock.worker-{name}").touch()
    ours = tmp_path / "sozu.sock.worker-3-0123abcd"
    ours.touch()

    assert list(Places(str(tmp_path / "sozu.sock"))) == [str(ours)]


def test_what_cannot_be_removed_stays_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "sozu.master"):
        remove(str(tmp_path))

    assert "event=rendezvous_not_removed" in caplog.text
