"""A private key goes to the workers, the journal and a saved state, which are for its owner only; and is told nowhere."""

import json
from pathlib import Path
import stat

import pytest
import trustme

from sozu.command.client import Client, RequestRefused
from sozu.command.orders import AddCertificate
from tests.master.served import PATIENCE, Serve, Served


def test_a_private_key_is_told_nowhere(serve: Serve, tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("secret.example")
    key = issued.private_key_pem.bytes().decode()
    certificate = issued.cert_chain_pems[0].bytes().decode()
    order = AddCertificate(certificate=certificate, private_key=key)
    served = serve()
    told = list[str]()

    with Client(served.socket, timeout=PATIENCE) as client:

        def ask(**request: object) -> None:
            told.extend(repr(answer) for answer in client.ask(request))

        before = client.revision
        added = client.order(order)
        told.append(repr(added))
        with pytest.raises(RequestRefused) as refused:
            client.order({"type": "add_certificate", "certificate": certificate, "key": key, "kye": key})
        told.append(str(refused.value))
        with pytest.raises(RequestRefused) as refused:
            client.commit([order, AddCertificate(certificate=certificate, private_key="-----BEGIN NOTHING-----")])
        told.append(str(refused.value))
        ask(type="dump_state")
        ask(type="log")
        ask(type="log", revision=added.data["revision"])
        ask(type="rollback", revision=before, dry_run=True)
        ask(type="status")
        ask(type="explain", url="https://secret.example/")
        ask(type="subscribe_events", since=0, follow=False)
        ask(type="save_state", path=str(tmp_path / "saved"))
        assert client.apply(client.state()).message.startswith("nothing to do")
    served.close()
    told += [served.log(), repr(order), str(order)]

    held = {kept["key"] for record in served.journal for kept in record["orders"] if kept["type"] == "add_certificate"}
    lines = [line for text in (key, *held) for line in text.splitlines() if "-----" not in line]
    assert len(lines) > 3
    for line in lines:
        assert not any(line in text for text in told)
    for file in (served.folder / "sozu.journal", tmp_path / "saved"):
        assert any(json.dumps(text)[1:-1] in file.read_text() for text in held)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_master_that_crashes_leaves_no_core_with_keys_in_it(served: Served) -> None:
    limits = Path(f"/proc/{served.process.pid}/limits").read_text()
    (line,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))

    assert line.split()[4] == "0"
