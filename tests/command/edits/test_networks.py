import pytest

from sozu.command.edits.networks import BadNetwork, Networks, normal_network


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        *(("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.7", "192.0.2.7"), ("192.0.2.7/32", "192.0.2.7"), ("2001:DB8:0::/32", "2001:db8::/32"), ("::1", "::1")),
        *(("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("::FFFF:c000:207", "192.0.2.7"), ("::ffff:0:0/96", "0.0.0.0/0"), ("::fffe:0:0/95", "::fffe:0:0/95")),
    ],
)
def test_a_network_has_one_spelling(written: str, normal: str) -> None:
    assert normal_network(written) == normal


@pytest.mark.parametrize(("text", "why"), [("10.1.2.3/8", 'the network is "10.0.0.0/8"'), ("::ffff:10.1.2.3/104", 'the network is "10.0.0.0/8"'), ("localhost", "neither an IP address"), ("10/8", "neither"), ("", "neither")])
def test_what_is_no_network_says_why(text: str, why: str) -> None:
    with pytest.raises(BadNetwork) as refused:
        normal_network(text)

    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("address", "held"),
    [
        (b"10.1.2.3", True),
        (b"11.1.2.3", False),
        (b"192.0.2.7", True),
        (b"192.0.2.8", False),
        (b"2001:db8::7", True),
        (b"2001:db9::7", False),
        (b"::ffff:10.1.2.3", True),
        (b"::ffff:11.1.2.3", False),
        (b"", False),
        (b"unknown", False),
        (b"\xff", False),
    ],
)
def test_an_address_is_in_a_network_or_not(address: bytes, held: object) -> None:
    networks = Networks(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])

    assert networks.holds(address) is held
    assert networks.holds(address) is held


@pytest.mark.parametrize("written", ["::ffff:10.0.0.0/104", "::ffff:a00:0/104"])
def test_a_network_of_ipv4_written_as_ipv6_holds_both_spellings_of_an_address(written: str) -> None:
    networks = Networks([written])

    assert networks.holds(b"10.1.2.3")
    assert networks.holds(b"::ffff:10.1.2.3")
    assert not networks.holds(b"11.1.2.3")
    assert not networks.holds(b"2001:db8::7")
