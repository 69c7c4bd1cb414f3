import pytest

from sozu.parsers.wire.http2_frames import ErrorCode, FrameFault


@pytest.mark.parametrize("fault", FrameFault)
def test_every_fault_has_its_code_and_the_section_of_its_rule(fault: FrameFault) -> None:
    assert fault.code in ErrorCode
    section, _, rule = fault.rule.partition(": ")
    assert section.replace(".", "").isdigit()
    assert rule


def test_what_breaks_flow_control_is_told_from_what_breaks_the_protocol() -> None:
    assert FrameFault.WINDOW_SETTING.code is ErrorCode.FLOW_CONTROL_ERROR
    assert FrameFault.SETTING.code is ErrorCode.PROTOCOL_ERROR
    assert FrameFault.TOO_LARGE.code is ErrorCode.FRAME_SIZE_ERROR
