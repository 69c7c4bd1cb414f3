from click.testing import CliRunner

from sozu.cli.program import program
from sozu.command.edits.passwords import read_hash


def test_a_password_is_hashed() -> None:
    done = CliRunner().invoke(program, ["password"], input="open sesame\n")

    assert done.exit_code == 0, done.output
    assert read_hash(done.stdout.strip()).fits(b"open sesame")


def test_one_that_no_client_may_send_is_refused() -> None:
    done = CliRunner().invoke(program, ["password"], input="open\tsesame\n")

    assert (done.exit_code, "RFC 7617" in done.output) == (2, True)


def test_an_empty_one_is_refused() -> None:
    assert CliRunner().invoke(program, ["password"], input="\n").exit_code == 2
