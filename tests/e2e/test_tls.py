"""HTTPS through a whole proxy: certificates by name, changed under load; what is no TLS; what clients may and may not."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
import hashlib
import http.client
import json
from pathlib import Path
import re
import socket
import ssl
import subprocess
import sys
import threading
from typing import Any

import pytest

from sozu.command.orders import AddCluster, AddHttpFrontend, RemoveCertificate, ReplaceCertificate
from tests.e2e.over_tls import (
    AUTHORITY,
    added,
    ask,
    chain_of,
    fields_in,
    fingerprint,
    fingerprint_of,
    key_of,
    open_tls,
    trusting,
    unchecked,
    written,
)
from tests.e2e.processes import LIMIT, ROOT, Proxy, environment, peer

ONE, TWO = AUTHORITY.issue_cert("one.example", "*.one.example"), AUTHORITY.issue_cert("two.example")
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, origin_address: str) -> Iterator[Proxy]:
    """Both certificates at the first https listener; the second asks clients for certificates."""
    folder = tmp_path_factory.mktemp("tls")
    AUTHORITY.cert_pem.write_to_path(folder / "ca.pem")
    asking = {"client_certificates": "required", "client_ca": "./ca.pem", "strict": False, "min_version": "TLSv1.3"}
    listeners: list[dict[str, Any]] = [
        {"protocol": "http", "address": "127.0.0.1:0"},
        {"protocol": "https", "address": "0.0.0.0:0", "certificates": [written(folder, "one", ONE), written(folder, "two", TWO)]},
        {"protocol": "https", "address": "127.0.0.2:0", "certificates": [written(folder, "one", ONE)], "tls": asking},
        {
            "protocol": "https",
            "address": "127.0.0.3:0",
            "certificates": [written(folder, "one", ONE)],
            "proxy_from": ["127.0.0.0/8"],
            "trusted": ["127.0.0.0/8"],
        },
    ]
    clusters = {"all": {"frontends": [{"hostname": "*"}], "backends": [origin_address]}}
    file = folder / "sozu.yaml"
    settings = {"workers": 2, "access_log": {"path": "./access.log"}, "timeouts": {"request": 2}}
    file.write_text(json.dumps({"listeners": listeners, "clusters": clusters, **settings}))
    with Proxy(folder, "-c", str(file)) as running:
        yield running


def ports(proxy: Proxy) -> list[int]:
    told = proxy.status()["listeners"]
    return [int(listener["address"].rpartition(":")[2]) for listener in told if listener["protocol"] == "https"]


@pytest.fixture(scope="module")
def port(proxy: Proxy) -> int:
    return ports(proxy)[0]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_request_over_tls_is_answered_and_the_backend_knows_how_it_came(port: int, version: ssl.TLSVersion) -> None:
    with open_tls(port, context=trusting(version=version)) as tls:
        assert ask(tls) == (200, b"origin")
        status, told = ask(tls, "/head")
    assert status == 200
    fields = dict(fields_in(told))
    assert fields["X-Forwarded-Proto"] == "https"
    assert "proto=https" in fields["Forwarded"]


def test_each_name_gets_its_certificate(port: int) -> None:
    def served(name: str | None) -> str:
        with open_tls(port, name, unchecked()) as tls:
            return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()

    names = ["one.example", "TWO.example", "any.one.example", "deeper.any.one.example", "nobody.test", None, "x" * 63 + ".test"]
    assert [served(name) == fingerprint(TWO) for name in names] == [False, True, False, False, False, False, False]
    assert served("one.example") == fingerprint(ONE)


def test_a_host_that_the_certificate_does_not_cover_is_misdirected(port: int) -> None:
    for host, status in (("two.example", 421), ("one.example", 200), ("any.one.example", 200), ("nobody.test", 421)):
        with open_tls(port) as tls:
            assert ask(tls, host=host)[0] == status


def test_large_bodies_come_through_both_ways(port: int) -> None:
    body = bytes(range(256)) * (8 * MEBIBYTE // 256)
    context = trusting()
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=unchecked(), timeout=LIMIT)
    connection.sock = open_tls(port, context=context)
    connection.request("PUT", "/hash", body=body, headers={"Host": "one.example"})
    assert json.loads(connection.getresponse().read())["sha256"] == hashlib.sha256(body).hexdigest()
    connection.request("PUT", "/hash", body=iter([body[:MEBIBYTE]] * 3), headers={"Host": "one.example", "Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["sha256"] == hashlib.sha256(body[:MEBIBYTE] * 3).hexdigest()
    connection.close()


def test_the_log_tells_version_and_name(proxy: Proxy, port: int) -> None:
    with open_tls(port, "any.one.example") as tls:
        ask(tls, "/name?logged", host="any.one.example")
    line = logged(proxy, "/name?logged")
    assert (line["tls"], line["sni"]) == ("TLSv1.3", "any.one.example")


def logged(proxy: Proxy, path: str) -> dict[str, Any]:
    done = threading.Event()
    for _ in range(int(LIMIT / 0.05)):
        for text in (proxy.folder / "access.log").read_text().splitlines():
            line: dict[str, Any] = json.loads(text)
            if line["path"] == path:
                return line
        done.wait(0.05)
    pytest.fail(f"no line about {path}")


# ---- what is no TLS, or not in order ----


def exchanged(port: int, data: bytes, *, half_close: bool = False) -> bytes:
    """What comes back to some bytes, until the proxy ends the connection."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=LIMIT)) as client:
        client.sendall(data)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        received = b""
        while piece := client.recv(65536):
            received += piece
        return received


def hello(name: str = "one.example") -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = unchecked().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


ALERT = 21


def test_plain_http_is_told_so(proxy: Proxy, port: int) -> None:
    answer = exchanged(port, b"GET / HTTP/1.1\r\nHost: one.example\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"https://" in answer
    proxy.lines.until(r"event=handshake_failed .*reason='plain HTTP'")


def test_junk_gets_an_alert_and_a_line_in_the_log(proxy: Proxy, port: int) -> None:
    assert exchanged(port, b"\x05\x01\x00junk")[0] == ALERT
    proxy.lines.until(r"event=handshake_failed .*reason=.not a ClientHello: expected")
    nul = hello("one-example").replace(b"one-example", b"one\0example")
    assert exchanged(port, nul)[-1] == 50  # decode_error
    proxy.lines.until(r"event=handshake_failed .*expected .* at byte 1..")


def test_a_client_that_goes_away_in_the_middle_is_a_line_in_the_log(proxy: Proxy, port: int) -> None:
    assert exchanged(port, hello()[:50], half_close=True) == b""
    proxy.lines.until(r"event=handshake_failed .*reason='closed in the middle of its hello'")
    assert exchanged(port, hello(), half_close=True)
    proxy.lines.until(r"event=handshake_failed .*name=one.example reason='TLS: closed without a word'")


def test_a_client_that_is_too_slow_is_not_waited_for(proxy: Proxy, port: int) -> None:
    assert exchanged(port, hello()[:50]) == b""
    proxy.lines.until(r"event=handshake_failed .*reason='the client took too long'")


def test_records_of_one_byte_are_a_handshake_too(port: int) -> None:
    whole = hello()
    assert len(whole) == 5 + int.from_bytes(whole[3:5], "big")
    tiny = b"".join(whole[:3] + b"\x00\x01" + whole[at : at + 1] for at in range(5, len(whole)))
    with closing(socket.create_connection(("127.0.0.1", port), timeout=LIMIT)) as client:
        for at in range(0, len(tiny), 97):
            client.sendall(tiny[at : at + 97])
        assert client.recv(1) == b"\x16"  # the server's hello


def test_who_speaks_only_other_protocols_gets_an_alert(proxy: Proxy, port: int) -> None:
    context = trusting()
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        open_tls(port, context=context)
    proxy.lines.until(r"event=handshake_failed .*reason='the client speaks only other protocols")
    context.set_alpn_protocols(["h2", "http/1.1"])
    with open_tls(port, context=context) as tls:
        assert tls.selected_alpn_protocol() == "http/1.1"


def test_old_versions_are_refused(proxy: Proxy) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        open_tls(ports(proxy)[1], context=trusting(version=ssl.TLSVersion.TLSv1_2), at="127.0.0.2")


# ---- sessions, clients' certificates ----


def test_every_worker_resumes_the_sessions_of_the_others(proxy: Proxy, port: int) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trusting(version=version)
        with open_tls(port, context=context) as tls:
            ask(tls)
            session = tls.session
        workers: set[int] = set()
        for number in range(64):
            with open_tls(port, context=context, session=session) as tls:
                assert tls.session_reused
                ask(tls, f"/name?{version}{number}")
            if number % 8 == 7:
                workers |= {logged(proxy, f"/name?{version}{earlier}")["worker"] for earlier in range(number + 1)}
            if workers == {0, 1}:
                break
        assert workers == {0, 1}


def test_a_session_does_not_go_on_with_another_certificate(port: int) -> None:
    context = unchecked()
    with open_tls(port, "one.example", context) as tls:
        ask(tls)
        session = tls.session
    with open_tls(port, "two.example", context, session) as tls:
        assert not tls.session_reused


def test_clients_must_show_a_certificate_where_that_is_required(proxy: Proxy) -> None:
    asking = ports(proxy)[1]
    with open_tls(asking, context=trusting(certificate=TWO), at="127.0.0.2") as tls:
        _, told = ask(tls, "/head", host="whatever.test", Client_Cert=":Zm9yZ2Vk:", Client_Cert_Chain=":Zm9yZ2Vk:")
    (line,) = [f"{name}: {value}" for name, value in fields_in(told) if name.lower().startswith("client-cert")]
    der = ssl.PEM_cert_to_DER_cert(TWO.cert_chain_pems[0].bytes().decode())
    assert line == f"Client-Cert: :{ssl.DER_cert_to_PEM_cert(der).split('-----')[2].replace(chr(10), '')}:"
    with pytest.raises(ssl.SSLError), open_tls(asking, at="127.0.0.2") as tls:
        ask(tls)
    proxy.lines.until(r"event=handshake_failed .*peer did not return a certificate")


def test_client_cert_of_a_client_never_reaches_a_backend(proxy: Proxy, port: int) -> None:
    with open_tls(port) as tls:
        assert b"Client-Cert" not in ask(tls, "/head", Client_Cert=":Zm9yZ2Vk:")[1]
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=LIMIT)
    connection.request("GET", "/head", headers={"Client-Cert": ":Zm9yZ2Vk:", "Host": "a"})
    assert b"Client-Cert" not in connection.getresponse().read()
    connection.close()


# ---- certificates change ----


def test_swapping_a_certificate_under_load_fails_no_handshake(proxy: Proxy, port: int) -> None:
    certificates = [AUTHORITY.issue_cert("swap.example") for _ in range(2)]
    proxy.ask(added(certificates[0]))
    failures: Counter[str] = Counter()
    handshakes = Counter[str]()
    swapped = threading.Event()

    def shake() -> None:
        context = trusting()
        while not swapped.is_set():
            try:
                with open_tls(port, "swap.example", context) as tls:
                    handshakes[fingerprint_of(tls)] += 1
                    assert ask(tls, host="swap.example")[0] == 200
            except (OSError, http.client.HTTPException, AssertionError) as error:
                failures[repr(error)] += 1

    clients = [threading.Thread(target=shake) for _ in range(3)]
    for client in clients:
        client.start()
    for number in range(30):
        old, new = certificates[number % 2], certificates[(number + 1) % 2]
        proxy.ask(ReplaceCertificate(fingerprint=fingerprint(old), certificate=chain_of(new), private_key=key_of(new)))
    swapped.set()
    for client in clients:
        client.join()
    assert failures == Counter()
    assert set(handshakes) == {fingerprint(certificate) for certificate in certificates}
    proxy.ask(RemoveCertificate(fingerprint=fingerprint(certificates[0])))


def test_the_script_of_the_page_moves_a_frontend_to_a_new_certificate(proxy: Proxy, port: int) -> None:
    old, new = (AUTHORITY.issue_cert("shop.example") for _ in range(2))
    written(proxy.folder, "new", new)
    proxy.ask(AddCluster(cluster="shop"))
    proxy.ask(added(old))
    proxy.ask(AddHttpFrontend(cluster="shop", hostname="shop.example", certificate=fingerprint(old)))
    refused = proxy.run("certificate", "remove", fingerprint(old), check=False)
    assert refused.returncode == 1
    assert "pinned to it: shop.example/" in refused.stderr

    page = (ROOT / "docs" / "tls.md").read_text()
    (script,) = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    values = {"CERT": "new.pem", "KEY": "new.key", "CLUSTER": "shop", "HOST": "shop.example", "OLD": fingerprint(old)}
    run_script(script, proxy.folder, values)

    with open_tls(port, "shop.example") as tls:
        assert fingerprint_of(tls) == fingerprint(new)
    rows = json.loads(proxy.run("certificate", "list", "--json").stdout)
    (row,) = [row for row in rows if row["fingerprint"] == fingerprint(new)]
    assert (row["names"], row["pinned"]) == (["shop.example"], 1)
    assert "key" not in row
    assert fingerprint(old) not in proxy.run("certificate", "list").stdout
    proxy.run("cluster", "remove", "shop")
    proxy.run("certificate", "remove", fingerprint(new))


def run_script(script: str, folder: Path, values: dict[str, str]) -> None:
    program = folder / "sozu"
    program.write_text('#!/bin/sh\nexec python -m sozu "$@"\n')
    program.chmod(0o700)
    environ = environment(**values)
    path = f"{folder}:{Path(python()).parent}:{environ['PATH']}"
    done = subprocess.run(["sh", "-euc", script], cwd=folder, env={**environ, "PATH": path}, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done


def python() -> str:
    return sys.executable


def test_no_key_is_in_any_output(proxy: Proxy) -> None:
    secret = key_of(ONE).splitlines()[1]
    shown = [proxy.run(*verb).stdout for verb in (["certificate", "list"], ["certificate", "list", "--json"], ["state", "show"], ["log", "1"], ["log", "--json"])]
    assert fingerprint(ONE) in shown[0]
    assert secret not in "".join([*shown, *proxy.lines.so_far(), (proxy.folder / "access.log").read_text()])


def test_curl_and_openssl_are_content(proxy: Proxy, port: int) -> None:
    curl, openssl = peer("curl"), peer("openssl")
    reach = ["--cacert", "ca.pem", "--resolve", f"one.example:{port}:127.0.0.1"]
    fetched = subprocess.run([curl, "-sS", *reach, f"https://one.example:{port}/name"], cwd=proxy.folder, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert (fetched.stdout, fetched.stderr) == ("origin", "")
    command = [openssl, "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "one.example", "-CAfile", "ca.pem", "-verify_return_error"]
    met = subprocess.run(command, cwd=proxy.folder, input="", capture_output=True, text=True, timeout=LIMIT, check=False)
    assert "Verification: OK" in met.stdout
    assert "Server Temp Key: X25519" in met.stdout


def test_a_balancer_before_us_says_who_the_client_is(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.3", ports(proxy)[2]), timeout=LIMIT) as plain:
        plain.sendall(b"PROXY TCP4 198.51.100.7 ")
        plain.sendall(b"192.0.2.1 4711 443\r\n")
        with trusting().wrap_socket(plain, server_hostname="one.example") as tls:
            assert ask(tls, "/name?balanced", X_Forwarded_For="203.0.113.5") == (200, b"origin")
    with pytest.raises(OSError), closing(open_tls(ports(proxy)[2], at="127.0.0.3")):  # noqa: PT011 - reset or ended
        pass
    assert logged(proxy, "/name?balanced")["client"] == "203.0.113.5:0"  # the balancer is trusted: whom it names
