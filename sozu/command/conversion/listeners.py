"""The upstream listeners. Frontends may bring further ones and certificates, so these are kept by address until the whole file was read."""

from collections.abc import Iterable
from typing import Any, Final

from sozu.command.conversion.answers import read_answers
from sozu.command.conversion.ciphers import read_tls
from sozu.command.conversion.door import Door
from sozu.command.conversion.source import Notes, Table
from sozu.command.orders import AddListener
from sozu.command.rules.objections import Objection
from sozu.command.rules.spellings import address_in

STICKY: Final = "SOZUBALANCEID"
_PROTOCOLS: Final = ("http", "https", "tcp")
_TIMEOUTS: Final = {"front_timeout": "front", "back_timeout": "back", "connect_timeout": "connect"}
_YEAR: Final = 31_536_000  # seconds
# What `expect_proxy` means, kept as it is: with a narrower list the header from elsewhere would not be understood. The note asks to narrow it.
_EVERYBODY: Final = ["0.0.0.0/0", "::/0"]


class Listeners:
    """By address, as mappings of our configuration file. What is a cluster's or a frontend's here is kept beside them, for those to ask."""

    def __init__(self, door: Door, *, active: bool = True) -> None:
        self._door = door
        # By address in normal form, since two spellings of one are one listener. The order of the file stays.
        self._entries: dict[str, dict[str, Any]] = {}
        self._active = active
        self.unheard_of: set[str] = set()  # addresses of listeners that there cannot be here
        self.sticky_names: dict[str, str] = {}
        self.timeouts: dict[str, dict[str, float]] = {}
        self.hsts: dict[str, dict[str, Any]] = {}

    def entries(self) -> list[dict[str, Any]]:
        """All of them."""
        return list(self._entries.values())

    def read(self, table: Table) -> None:
        """One `[[listeners]]`."""
        address = take_address(table)
        protocol = table.take("protocol", str, "http").lower()
        if protocol not in _PROTOCOLS:
            table.note("protocol", f"there is no protocol {protocol!r} here: the listener is left out")
            # Remembered for the tcp clusters whose frontends name it: `need` would make it for them, as a tcp listener.
            self.unheard_of.add(address)
        elif address in self._entries:
            table.note("address", "the file has this already, further up; it is left out")
        elif address:
            self._read(table, address, self.need(address, protocol))
            # It had to be there while it was read, as `certify` writes into it; if the door refuses it, it shall not.
            entry = self._entries.pop(address)
            # In our file they stand at the listener, and yet are orders of their own, with files that are not here: the door is not asked.
            certificates = {name: entry.pop(name) for name in ("certificates",) if name in entry}
            if admitted := self._door.admit(table, AddListener, entry):
                self._entries[address] = admitted | certificates

    def _read(self, table: Table, address: str, entry: dict[str, Any]) -> None:
        if table.take("expect_proxy", bool):
            entry["proxy_from"] = list(_EVERYBODY)
            table.note("expect_proxy", "upstream believes everybody; say in proxy_from which networks your proxies are in")
        # Each of these is read whether there is a use for it or not, and asked for by the clusters that are reached this way.
        self.sticky_names[address] = _theirs(table, "sticky_name", "clusters have it here, as `sticky`") or STICKY
        self.timeouts[address] = {ours: value for key, ours in _TIMEOUTS.items() if (value := _theirs(table, key, "clusters have timeouts here: those that this listener leads to"))}
        if answers := read_answers(table):
            entry["answers"] = answers
        # Read in any case, to tick them off: of an http listener they mean nothing, and a note for each would say so of what nobody misses.
        if (terms := read_tls(table)) and entry["protocol"] == "https":
            entry["tls"] = terms
        self.certify(table, address)
        if (hsts := read_hsts(table)) is not None:
            self.hsts[address] = hsts
            table.note("hsts", "frontends have it here: those of this listener")
        table.explain("request_timeout", "the time for a request's head is the whole file's here")
        table.explain("public_address", "what a balancer in front of you says in its PROXY header counts")
        if table.take("active", bool, default=True) is False:
            entry["active"] = False

    def certify(self, table: Table, address: str) -> None:
        """A certificate for this listener, if the table has one."""
        certificate, key, chain = (table.take(name, str) for name in ("certificate", "key", "certificate_chain"))
        # None of the three is the usual case, and no mistake: hence the second look.
        if certificate is None or key is None:
            if certificate or key or chain:
                table.notes.add(table.place, "has a certificate without a key, or a key without a certificate")
            return
        pair = {"certificate": certificate, "key": key} | ({"chain": chain} if chain else {})
        pairs = self._entries[address].setdefault("certificates", [])
        # Every frontend of a site names the site's certificate; our file would be refused for saying it twice.
        if pair not in pairs:
            pairs.append(pair)

    def need(self, address: str, protocol: str) -> dict[str, Any]:
        """The listener at this address; upstream makes one where a frontend names an address that has none."""
        # The first who needs it says what it speaks: one that the file describes is there already, since all listeners are read before any cluster.
        return self._entries.setdefault(address, {"protocol": protocol, "address": address} | ({} if self._active else {"active": False}))

    def timeouts_of(self, addresses: Iterable[str], notes: Notes, place: str) -> dict[str, float]:
        """Those of the listeners by which a cluster is reached, where these agree: here they are the cluster's."""
        found = [self.timeouts.get(address, {}) for address in addresses]
        if all(each == found[0] for each in found):
            return found[0] if found else {}
        notes.add(place, "its listeners have different timeouts, which are a cluster's here: the shortest are taken")
        return {name: min(each[name] for each in found if name in each) for name in _TIMEOUTS.values() if any(name in each for each in found)}


def _theirs(table: Table, key: str, text: str) -> Any:
    """Something that is not a listener's here, noted with who has it."""
    value = table.take(key, str if key == "sticky_name" else (int, float))
    if value is not None:
        table.note(key, text)
    return value


def take_address(table: Table) -> str:
    """Where the listener is, or the one that a frontend is for; empty, and noted, if that is nowhere."""
    address: str = table.take("address", str, "")
    try:
        return address_in(address)
    except Objection as objection:
        table.notes.add(table.place, f"address: {objection}; it is left out")
        return ""


def read_hsts(table: Table) -> dict[str, Any] | None:
    """The `hsts` of a listener or a frontend; empty if it says that there is none, None if it says nothing."""
    for hsts in table.single("hsts"):
        wanted = hsts.take("enabled", bool, default=False)
        ours = {"max_age": hsts.take("max_age", int, _YEAR)}
        ours |= {key: True for key in ("include_subdomains", "preload") if hsts.take(key, bool)}
        if hsts.take("force_replace_backend", bool) is not True and wanted:
            hsts.note("force_replace_backend", "always here: a backend's own field gives way")
        # Empty and not None: the frontend said that it wants none, and gets none of its listener's either.
        return ours if wanted else {}
    return None
