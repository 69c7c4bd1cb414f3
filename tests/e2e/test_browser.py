"""A browser that trusts the test's authority shows a page that comes over TLS; one that does not shows none."""

import json
from pathlib import Path
import shutil
import subprocess

import pytest

from tests.e2e.over_tls import AUTHORITY, written
from tests.e2e.processes import LIMIT, Proxy, environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("chromium") and shutil.which("certutil")), reason="needs Debian's chromium and libnss3-tools"),
]


def trusted(home: Path) -> None:
    """The authority, in the store of certificates of whoever lives there."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    AUTHORITY.cert_pem.write_to_path(home / "ca.pem")
    for command in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "authority", "-i", str(home / "ca.pem")]):
        subprocess.run(["certutil", "-d", f"sql:{store}", *command], check=True, timeout=LIMIT)


def shown(home: Path, url: str) -> str:
    """What the page holds when it has loaded."""
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={home}/profile", "--host-resolver-rules=MAP *.example 127.0.0.2"]
    environ = environment(HOME=str(home))
    return subprocess.run(["chromium", *options, "--dump-dom", url], env=environ, capture_output=True, text=True, timeout=LIMIT, check=False).stdout


def test_chromium_shows_a_page(tmp_path: Path, origin_address: str) -> None:
    certificate = AUTHORITY.issue_cert("www.shop.example")
    listeners = [
        {"protocol": "http", "address": "127.0.0.1:0"},
        {"protocol": "https", "address": "127.0.0.2:0", "certificates": [written(tmp_path, "shop", certificate)]},
    ]
    clusters = {"all": {"frontends": [{"hostname": "*"}], "backends": [origin_address]}}
    (tmp_path / "sozu.yaml").write_text(json.dumps({"listeners": listeners, "clusters": clusters}))
    trusting, wary = tmp_path / "trusting", tmp_path / "wary"
    trusted(trusting)
    wary.mkdir()
    with Proxy(tmp_path, "-c", str(tmp_path / "sozu.yaml")) as proxy:
        (address,) = [each["address"] for each in proxy.status()["listeners"] if each["protocol"] == "https"]
        url = f"https://www.shop.example:{address.rpartition(':')[2]}/name"
        assert "origin" in shown(trusting, url)
        assert "origin" not in shown(wary, url)
        proxy.lines.until(r"event=handshake_failed .*certificate unknown")
