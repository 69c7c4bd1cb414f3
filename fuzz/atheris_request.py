"""Coverage-guided: streams of requests. How to run it: guided.py."""

from fuzz.guided import fuzz, instrumented

with instrumented(__name__):
    from fuzz.comparing import unlisted
    from fuzz.properties import check, reads_alike
    from sozu.parsers.http1 import request_head


def TestOneInput(data: bytes) -> None:  # noqa: N802 - atheris's name
    check("request", data)
    reads_alike(request_head, data)
    assert not list(unlisted("request", data))


if __name__ == "__main__":
    fuzz("request", TestOneInput)
