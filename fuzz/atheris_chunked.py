"""Coverage-guided: chunked bodies. How to run it: guided.py."""

from fuzz.guided import fuzz, instrumented

with instrumented(__name__):
    from fuzz.comparing import unlisted
    from fuzz.differences import CHUNKED
    from fuzz.properties import check, reads_alike
    from sozu.parsers.chunked import FIRST_LINE, NEXT_LINE, TRAILER


def TestOneInput(data: bytes) -> None:  # noqa: N802 - atheris's name
    check("chunked", data)
    for line in (FIRST_LINE, NEXT_LINE, TRAILER):
        reads_alike(line, data)
    assert not list(unlisted("request", CHUNKED + data))


if __name__ == "__main__":
    fuzz("chunked", TestOneInput)
