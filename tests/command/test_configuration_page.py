"""docs/configuration.md shows files and the errors of one: here they are read."""

from pathlib import Path
import re

import pytest

from sozu.command.config import ConfigurationError
from sozu.command.config.loading import read_configuration
from sozu.command.config.schema import (
    BackendEntry,
    BackendTlsEntry,
    CertificateEntry,
    ClusterEntry,
    File,
    FrontendEntry,
    TimeoutsEntry,
    TlsEntry,
)

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_file_of_the_page_is_a_configuration(text: str) -> None:
    assert read_configuration(text, "sozu.yaml", Path("/etc/sozu")).state.clusters


def test_the_errors_of_the_page_are_what_the_user_is_shown() -> None:
    (text,), (shown,) = blocks("errors"), blocks("text")
    with pytest.raises(ConfigurationError) as refused:
        read_configuration(text, "sozu.yaml", Path("/etc/sozu"))

    assert f"{refused.value}\n" == shown


@pytest.mark.parametrize("shape", [File, CertificateEntry, ClusterEntry, FrontendEntry, BackendEntry, BackendTlsEntry, TimeoutsEntry, TlsEntry])
def test_every_key_is_named(shape: type[File]) -> None:
    missing = [name for name in shape.__struct_fields__ if f"`{name}" not in PAGE]

    assert missing == []
