import pytest

from sozu.command.edits.passwords import BadHash, read_hash, write_hash

PBKDF2 = "$pbkdf2-sha256$i=100000,l=32$c2l4dGVlbiBieXRlcyBvaw$KDpXVuYqAHxiIqFnc7d2RCdEJucC7PlVyGmBp6Gp6L0"
DIGEST = "KDpXVuYqAHxiIqFnc7d2RCdEJucC7PlVyGmBp6Gp6L0"
SCRYPT = "$scrypt$ln=14,r=8,p=1$c2l4dGVlbiBieXRlcyBvaw$"


def test_a_hash_fits_its_password_and_no_other() -> None:
    written = write_hash(b"open sesame", b"sixteen bytes ok")

    assert written.startswith("$scrypt$ln=15,r=8,p=1$c2l4dGVlbiBieXRlcyBvaw$")
    assert "=" not in written.split("$")[-1]
    assert read_hash(written).fits(b"open sesame")
    assert not read_hash(written).fits(b"Open sesame")


def test_the_other_form_is_read_too() -> None:
    assert read_hash(PBKDF2).fits(b"open sesame")
    assert not read_hash(PBKDF2).fits(b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "open sesame",
        "$apr1$x$y",
        "$2y$10$abcdefghijklmnopqrstuv",
        PBKDF2[:-30],
        PBKDF2 + "!",
        PBKDF2.replace("100000", "1000"),
        PBKDF2.replace("100000", "99999999"),
        SCRYPT + "aaaa",
        SCRYPT + "a" * 5,
        SCRYPT.replace("ln=14", "ln=10") + DIGEST,
        SCRYPT.replace("ln=14", "ln=18") + DIGEST,
        SCRYPT.replace("p=1", "p=4") + DIGEST,
        SCRYPT + "\u00fc",
    ],
)
def test_what_is_weak_or_no_hash_is_refused(text: str) -> None:
    with pytest.raises(BadHash):
        read_hash(text)
