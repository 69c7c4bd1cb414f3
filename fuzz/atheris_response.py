"""Coverage-guided: streams of responses. How to run it: guided.py."""

from fuzz.guided import fuzz, instrumented

with instrumented(__name__):
    from fuzz.comparing import unlisted
    from fuzz.properties import check, reads_alike
    from sozu.parsers.http1 import response_head


def TestOneInput(data: bytes) -> None:  # noqa: N802 - atheris's name
    check("response", data)
    reads_alike(response_head, data)
    assert not list(unlisted("response", data))


if __name__ == "__main__":
    fuzz("response", TestOneInput)
