from pathlib import Path

from click.testing import CliRunner
import pytest

from sozu.cli.program import program

TOML = 'worker_count = 3\ncolour = "green"\n'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(TOML)
    return file


def test_the_result_goes_to_standard_output_and_the_notes_do_not(source: Path) -> None:
    result = CliRunner().invoke(program, ["convert", str(source)])

    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "workers: 3")
    assert result.stderr == "colour: has no equal here (it was 'green')\n"


def test_the_result_goes_to_a_file(source: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(program, ["convert", str(source), "-o", str(tmp_path / "sozu.yaml")])

    assert (result.exit_code, result.stdout) == (0, "")
    assert CliRunner().invoke(program, ["check", str(tmp_path / "sozu.yaml")]).exit_code == 0


@pytest.mark.parametrize("text", ["a: 1", "a = " + "[" * 10_000])
def test_what_is_no_toml_is_bad_input(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)

    result = CliRunner().invoke(program, ["convert", str(tmp_path / "x")])

    assert (result.exit_code, "is no TOML" in result.stderr) == (2, True)
