from pathlib import Path

import click
import pytest

from sozu.cli.certificates.tls_options import terms_in
from sozu.command.certificates.terms import BackendTls, ClientCertificates, Tls, TlsVersion


def test_terms_are_named_one_by_one_and_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("CA")
    words = ["min_version=TLSv1.3", "groups=X25519", "client_certificates=required", f"client_ca={tmp_path}/ca.pem", "strict=false"]
    wanted = Tls(min_version=TlsVersion.TLS13, groups="X25519", client_certificates=ClientCertificates.REQUIRED, client_ca="CA", strict=False)
    assert terms_in(words, Tls) == wanted
    assert terms_in(["verify=false", "server_name=a.example"], BackendTls) == BackendTls(verify=False, server_name="a.example")
    assert terms_in([], Tls) is None


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("min_versoin=TLSv1.3", "did you mean"),
        ("min_version", "expected one of"),
        ("min_version=SSLv3", "Invalid enum value"),
        ("client_ca=/nowhere", "cannot be read"),
        ("strict=perhaps", "Expected `bool`"),
    ],
)
def test_what_makes_no_sense_is_told(word: str, why: str) -> None:
    with pytest.raises(click.BadParameter, match=why):
        terms_in([word], Tls)
