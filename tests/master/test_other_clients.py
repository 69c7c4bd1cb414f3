"""The clients of docs/command_protocol.md in other languages, run as they stand there on a real master."""

import json
from pathlib import Path
import re
import shutil
import subprocess

import pytest

from tests.master.served import PATIENCE, Served

PAGE = (Path(__file__).parents[2] / "docs" / "command_protocol.md").read_text()

USE = """
const client = new Client(process.argv[2]);
(async () => {
  const told = [];
  await client.ask({ type: "add_cluster", cluster: "js" }, (answer) => told.push(answer.data.worker));
  await client.ask({ type: "begin" });
  const all = [9001, 9002].map((port) => client.ask({ type: "add_backend", cluster: "js", address: `127.0.0.1:${port}` }));
  await Promise.all(all);
  const done = await client.ask({ type: "commit" });
  const why = await client.ask({ type: "remove_cluster", cluster: "jss" }).catch((error) => error.message);
  console.log(JSON.stringify([told.sort(), done.data.late, why]));
  client.socket.end();
})();
"""


def sample(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group(1)


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: the client in its language is not run")


def run(*command: str, code: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == code, done
    return done.stdout


def test_a_client_in_shell_and_socat(served: Served, tmp_path: Path) -> None:
    needs("socat")
    script = tmp_path / "sozu.sh"
    script.write_text(sample("sh"))
    ask = ("env", f"SOZU_SOCKET={served.socket}", "sh", str(script))
    lines = run(*ask, '{"type": "add_cluster", "cluster": "sh"}', '{"type": "remove_cluster", "cluster": "sh"}').splitlines()
    told = [(answer["id"], answer["status"]) for answer in map(json.loads, lines)]

    # The answers to the two may interleave.
    assert [[status for id_, status in told if id_ == number] for number in "12"] == [["PROCESSING", "PROCESSING", "OK"]] * 2
    assert 'did you mean \\"status\\"?' in run(*ask, '{"type": "statsu"}', code=1)


def test_a_client_in_javascript(served: Served, tmp_path: Path) -> None:
    needs("node")
    script = tmp_path / "client.js"
    script.write_text(sample("js") + USE)

    told = run("node", str(script), str(served.socket))
    assert told.startswith('[[0,1],[],"there is no cluster \\"jss\\"; did you mean \\"js\\"?; nothing was changed (still at revision ')


@pytest.mark.parametrize("language", ["sh", "js"])
def test_they_are_as_short_as_the_page_says(language: str) -> None:
    code = [line for line in sample(language).splitlines() if line.strip()]

    assert len(code) <= 25
