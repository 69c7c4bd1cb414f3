from sozu.parsers.reasons import RULES, Reason, bad_gateway, refusal


def test_every_reason_has_its_rule_and_every_rule_its_reason() -> None:
    assert set(RULES) == set(Reason)


def test_every_rule_names_its_paragraph_and_a_refusing_status() -> None:
    for rule in RULES.values():
        assert rule.status in {400, 411, 413, 414, 417, 421, 431, 501, 502, 505}
        assert rule.section.startswith(("RFC ", "docs/"))
        assert rule.text


def test_a_request_is_refused_with_the_status_of_the_rule() -> None:
    assert refusal(Reason.VERSION, 12).status == Reason.VERSION.rule.status == 505
    assert refusal(Reason.VERSION, 12).position == 12


def test_a_response_is_refused_with_502_whatever_the_rule() -> None:
    assert bad_gateway(Reason.CODING_UNKNOWN).status == 502
