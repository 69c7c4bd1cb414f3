from sozu.parsers.wire.proxy_header import Command, Family, ProxyHeader, Tlv, TlvKind, Transport


def test_a_header_that_says_no_more_names_nobody() -> None:
    header = ProxyHeader(1)
    assert (header.command, header.family, header.transport) == (Command.PROXY, Family.UNSPEC, Transport.UNSPEC)
    assert (header.source, header.destination, header.tlvs) == (None, None, ())


def test_of_several_tlvs_of_a_kind_the_first_counts() -> None:
    header = ProxyHeader(2, tlvs=(Tlv(TlvKind.NOOP, b""), Tlv(TlvKind.AUTHORITY, b"a"), Tlv(TlvKind.AUTHORITY, b"b")))
    assert header.tlv(TlvKind.AUTHORITY) == b"a"
    assert header.tlv(TlvKind.ALPN) is None


def test_families_and_transports_stand_in_the_order_of_their_numbers() -> None:
    assert [*Family] == ["UNSPEC", "INET", "INET6", "UNIX"]
    assert [*Transport] == ["UNSPEC", "STREAM", "DGRAM"]
