from collections.abc import Iterator
import subprocess
import sys

import click
from click.testing import CliRunner
import pytest

from sozu.cli.program import VERBS, module_of, program


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from commands(found, f"{name} {below}")


EVERY_COMMAND = dict(commands(program, "sozu"))


@pytest.mark.parametrize("name", EVERY_COMMAND)
def test_every_verb_has_help_with_an_example_of_itself(name: str) -> None:
    shown = CliRunner().invoke(program, [*name.split()[1:], "--help"], prog_name="sozu")

    assert shown.exit_code == 0
    assert "Example" in shown.output
    assert name in shown.output.split("Example")[1]


@pytest.mark.parametrize("name", [name for name in EVERY_COMMAND if name.endswith(" list") or name == "sozu status"])
def test_every_listing_has_json(name: str) -> None:
    assert "--json" in [option for parameter in EVERY_COMMAND[name].params for option in parameter.opts]


@pytest.mark.parametrize("name", [name for name in EVERY_COMMAND if name != "sozu"])
def test_every_verb_takes_the_socket_also_where_it_needs_none(name: str) -> None:
    assert "--socket" in [option for parameter in EVERY_COMMAND[name].params for option in parameter.opts]


def test_every_verb_says_in_one_line_what_its_own_help_says() -> None:
    for verb in VERBS:
        assert (EVERY_COMMAND[f"sozu {verb}"].help or "").strip()


def test_an_unknown_verb_is_answered_with_the_nearest() -> None:
    shown = CliRunner().invoke(program, ["stauts"], prog_name="sozu")

    assert shown.exit_code == 2
    assert "did you mean 'status'?" in shown.output


def test_a_verb_like_no_other_is_answered_with_all_of_them() -> None:
    shown = CliRunner().invoke(program, ["xyzzy"], prog_name="sozu")

    assert shown.exit_code == 2
    assert "serve, check, convert, status" in shown.output


SLOW = ("gevent", "yaml", "rich", "cryptography", "sozu.master", "sozu.proxy")


def imported_by(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split())


READS_FILES = {"serve", "check", "plan", "apply", "export", "explain", "certificate"}  # of YAML, or certificates


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in READS_FILES])
def test_a_client_verb_imports_nothing_that_starts_slowly(verb: str) -> None:
    loaded = imported_by(f"import sozu.__main__, sozu.cli.program, {module_of(verb)}")

    assert loaded.isdisjoint(SLOW)


def test_a_start_does_not_wait_for_what_only_certificates_need() -> None:
    assert "cryptography" not in imported_by("import sozu.cli.processes.starting")


def test_a_worker_does_not_import_the_command_line() -> None:
    loaded = imported_by("import sozu.__main__, sozu.proxy.worker")

    assert not any(name.split(".")[0] in {"click", "rich", "yaml"} or name.startswith("sozu.cli") for name in loaded)


def test_help_is_of_all_verbs_of_one_or_of_a_code() -> None:
    def told(*topic: str) -> str:
        return CliRunner().invoke(program, ["help", *topic], prog_name="sozu").output

    assert "serve " in told()
    assert "Codes of errors: " in told()
    assert told("cluster").startswith("Usage: sozu cluster ")
    assert told("backend", "remove").startswith("Usage: sozu backend remove ")
    assert told("bad-path").startswith("The value of path ")
    assert 'did you mean "serve"?' in told("serv")
