"""The upstream listeners. Frontends may bring further ones and certificates, so these are kept by address until the whole file was read."""

from typing import Any, Final

from sozu.command.conversion.source import Table

_TIMEOUTS: Final = ("front_timeout", "back_timeout", "connect_timeout", "request_timeout")
_OLD: Final = {"TLS_V12": "TLSv1.2", "TLS_V13": "TLSv1.3", "TLSv1.2": "TLSv1.2", "TLSv1.3": "TLSv1.3"}
_EVERYBODY: Final = ["0.0.0.0/0", "::/0"]


class Listeners:
    """By address, as mappings of our configuration file."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Any]] = {}
        self.sticky_names: dict[str, str] = {}

    def entries(self) -> list[dict[str, Any]]:
        """All of them."""
        return list(self._entries.values())

    def read(self, table: Table) -> None:
        """One `[[listeners]]`."""
        address = table.take("address", str)
        protocol = table.take("protocol", str, "http").lower()
        if address is None:
            table.notes.add(table.place, "has no address, and is left out")
            return
        entry = self._entries[address] = {"protocol": protocol, "address": address}
        if protocol not in {"http", "https", "tcp"}:
            table.note("protocol", f"there is no protocol {protocol!r}; http is assumed")
            entry["protocol"] = "http"
        if table.take("expect_proxy", bool):
            _expect_proxy(table, entry)
        self.sticky_names[address] = table.take("sticky_name", str, "SOZUBALANCEID")
        self._read_tls(table, entry)
        _explain(table)

    def _read_tls(self, table: Table, entry: dict[str, Any]) -> None:
        terms = {}
        if versions := table.take("tls_versions", list):
            terms["min_version"] = min((_OLD[each] for each in versions if each in _OLD), default="TLSv1.2")
            for each in versions:
                if each not in _OLD:
                    table.note("tls_versions", f"{each} is too old to be spoken here")
        if ciphers := table.take("cipher_list", list):
            terms["ciphers"] = ":".join(map(str, ciphers))
            table.note("cipher_list", "names of ciphers are OpenSSL's here: look them over")
        if terms and entry["protocol"] == "https":
            entry["tls"] = terms
        self.certify(table, entry["address"])

    def certify(self, table: Table, address: str) -> None:
        """A certificate for this listener, if the table has one."""
        certificate, key, chain = (table.take(name, str) for name in ("certificate", "key", "certificate_chain"))
        if certificate is None or key is None:
            if certificate or key:
                table.notes.add(table.place, "has a certificate without a key, or a key without a certificate")
            return
        pair = {"certificate": certificate, "key": key} | ({"chain": chain} if chain else {})
        pairs = self._entries[address].setdefault("certificates", [])
        if pair not in pairs:
            pairs.append(pair)

    def need(self, address: str, protocol: str) -> dict[str, Any]:
        """The listener at this address; upstream makes one where a frontend names an address that has none."""
        return self._entries.setdefault(address, {"protocol": protocol, "address": address})


def _expect_proxy(table: Table, entry: dict[str, Any]) -> None:
    entry["proxy_from"] = list(_EVERYBODY)
    table.note("expect_proxy", "upstream believes everybody; say in proxy_from which networks your proxies are in")


def _explain(table: Table) -> None:
    for key in _TIMEOUTS:
        table.explain(key, "timeouts are the whole file's or a cluster's here, not a listener's")
    for key in ("answer_404", "answer_503", "answer_400", "answer_401", "answer_408", "answer_413", "answer_502", "answer_504", "answer_507"):
        table.explain(key, "its file is a whole response; here `answers` has a body and its type for each status")
    table.explain("public_address", "what a balancer in front of you says in its PROXY header counts")
    if table.take("active", bool, default=True) is False:
        table.note("active", "upstream waits with it; say `active: false` if you want that")
