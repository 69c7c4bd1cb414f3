"""ClientHellos made from parts, so that each test says only what is special about its own."""

from collections.abc import Iterator, Sequence

RANDOM = bytes(range(32))
SERVER_NAME, ALPN, VERSIONS, OUTER = 0, 16, 43, 0xFE0D

Extensions = Sequence[tuple[int, bytes]]


def sized(content: bytes, size: int = 2) -> bytes:
    return len(content).to_bytes(size, "big") + content


def server_name(name: bytes, kind: int = 0) -> tuple[int, bytes]:
    return SERVER_NAME, sized(bytes([kind]) + sized(name))


def alpn(*names: bytes) -> tuple[int, bytes]:
    return ALPN, sized(b"".join(sized(name, 1) for name in names))


def versions(*numbers: int) -> tuple[int, bytes]:
    return VERSIONS, sized(b"".join(number.to_bytes(2, "big") for number in numbers), 1)


def outer_hello() -> tuple[int, bytes]:
    return OUTER, b"\0\0\1\0\1\x2a" + sized(b"enc") + sized(b"payload")


def body(
    extensions: Extensions | None = (),
    session_id: bytes = b"",
    suites: bytes = b"\x13\x01",
    compression: bytes = b"\0",
) -> bytes:
    start = b"\x03\x03" + RANDOM + sized(session_id, 1) + sized(suites) + sized(compression, 1)
    if extensions is None:
        return start
    return start + sized(b"".join(kind.to_bytes(2, "big") + sized(data) for kind, data in extensions))


def message(content: bytes) -> bytes:
    return b"\x01" + sized(content, 3)


def record(fragment: bytes, version: bytes = b"\x03\x01") -> bytes:
    return b"\x16" + version + sized(fragment)


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def records(content: bytes, size: int) -> bytes:
    """A message in records of `size` bytes each."""
    return b"".join(record(piece) for piece in pieces(content, size))
