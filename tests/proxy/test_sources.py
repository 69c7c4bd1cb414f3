import pytest

from sozu.proxy.policy.sources import counted_as


@pytest.mark.parametrize(
    ("client", "other", "same"),
    [
        (b"192.0.2.1:1", b"192.0.2.1:2", True),
        (b"192.0.2.1:1", b"192.0.2.2:1", False),
        (b"[2001:db8::1]:1", b"[2001:db8::ffff:1]:2", True),
        (b"[2001:db8::1]:1", b"[2001:db8:0:1::1]:1", False),
        (b"[::ffff:192.0.2.1]:1", b"192.0.2.1:2", True),
        (b"", b"", True),
    ],
)
def test_who_counts_as_one_client(client: bytes, other: bytes, same: bool) -> None:  # noqa: FBT001
    assert (counted_as(client) == counted_as(other)) is same
