"""What all tests run under.

Patterns are compiled at their first use, so the first example of a property may be slow, and any may on a busy machine: hypothesis must not
mind. It tries the same examples each time, so that what passes here passes everywhere; what is new is looked for in fuzz/.

A hundred programs are started. Where the environment forbids Python to keep its bytecode beside the sources (as in many containers), each
would compile all of sozu again, which doubles the time of its start: then they keep it in pytest's own cache.

The whole suite runs in three processes (pytest-xdist), of which one waits as a rule, a file always in one of them, because its tests may share a proxy. Anything less than the
whole runs in one; so does the whole with `-n 0`.
"""

import os

from hypothesis import HealthCheck, settings
import pytest

PROCESSES = 3

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    if "PYTHONDONTWRITEBYTECODE" in os.environ and config.pluginmanager.has_plugin("cacheprovider"):
        assert config.cache is not None
        os.environ["PYTHONPYCACHEPREFIX"] = str(config.cache.mkdir("bytecode"))
        del os.environ["PYTHONDONTWRITEBYTECODE"]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Before xdist looks at its options."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.collectonly and not config.option.usepdb
    if whole and config.pluginmanager.has_plugin("xdist") and config.option.numprocesses is None and not hasattr(config, "workerinput"):
        config.option.numprocesses = PROCESSES
        config.option.dist = "loadfile"
