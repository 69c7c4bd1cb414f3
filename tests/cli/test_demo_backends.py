from sozu.cli.demo_backends import application


def page(path: str) -> tuple[str, dict[str, str], str]:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, fields: list[tuple[str, str]]) -> None:
        started.append((status, fields))

    body = b"".join(application("red")({"PATH_INFO": path}, start_response))
    ((status, fields),) = started
    return status, dict(fields), body.decode()


def test_the_page_says_who_answered_and_what_was_asked_for() -> None:
    status, fields, body = page("/a")

    assert status == "200 OK"
    assert "Hello from red" in body
    assert "/a" in body
    assert int(fields["Content-Length"]) == len(body.encode())


def test_the_path_of_a_stranger_stays_text() -> None:
    _, _, body = page("/<script>alert(1)</script>&\xff")

    assert "<script>" not in body
    assert "&lt;script&gt;" in body
