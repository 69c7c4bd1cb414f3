import pytest

from sozu.command.edits.networks import BadNetwork, Networks, normal_network


@pytest.mark.parametrize(
    ("written", "normal"),
    [("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.7", "192.0.2.7"), ("192.0.2.7/32", "192.0.2.7"), ("2001:DB8:0::/32", "2001:db8::/32"), ("::1", "::1")],
)
def test_a_network_has_one_spelling(written: str, normal: str) -> None:
    assert normal_network(written) == normal


@pytest.mark.parametrize(("text", "why"), [("10.1.2.3/8", 'the network is "10.0.0.0/8"'), ("localhost", "neither an IP address"), ("10/8", "neither"), ("", "neither")])
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
