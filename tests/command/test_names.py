from typing import Any

import pytest

from sozu.command.commit import Refused, commit
from sozu.command.edits.facts import HeaderEdit
from sozu.command.facts import Frontend, Match, Position
from sozu.command.orders import AddCluster, AddHttpFrontend
from sozu.command.rules.names import frontend_name
from sozu.command.state import ConfigState


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ({"hostname": "a.b"}, "a.b/"),
        ({"hostname": "a.b", "path": "/x"}, "a.b/x"),
        ({"hostname": "a.b", "path_exact": "/x"}, "a.b/x (exactly)"),
        ({"hostname_regex": "a.*", "path_regex": "/x+"}, "/a.*/ ~ /x+"),
        ({"hostname": "a.b", "methods": ("GET", "HEAD")}, "a.b/ for GET, HEAD"),
        ({"hostname": "a.b", "headers": (Match(name="x", value="1"), Match(name="y", regex="z+"))}, "a.b/ with header x=1 with header y ~ z+"),
        ({"hostname": "a.b", "query": (Match(name="q"),), "cookies": (Match(name="c", present=False),)}, "a.b/ with query q with cookie c absent"),
        ({"hostname": "a.b", "position": Position.POST, "listener": "127.0.0.1:80"}, "a.b/ (post) on 127.0.0.1:80"),
    ],
)
def test_a_frontend_is_called_by_all_that_narrows_it(rule: dict[str, Any], name: str) -> None:
    assert frontend_name(Frontend(cluster="c", **rule)) == name


def test_a_head_has_so_many_changes_at_most() -> None:
    edits = (HeaderEdit(remove="x"),) * 101
    with pytest.raises(Refused, match="100 changes of a head at most"):
        commit(ConfigState(), [AddCluster(cluster="c"), AddHttpFrontend(cluster="c", hostname="a.b", request_headers=edits)])


def test_the_prefix_that_is_told_may_be_set_and_asked_for() -> None:
    """All other X-Forwarded-* are the proxy's alone; of this one it knows nothing where it replaces none."""
    edits, asked = (HeaderEdit(set="X-Forwarded-Prefix", value="/app"),), (Match(name="x-forwarded-prefix"),)
    commit(ConfigState(), [AddCluster(cluster="c"), AddHttpFrontend(cluster="c", hostname="a.b", request_headers=edits, headers=asked)])
    with pytest.raises(Refused):
        commit(ConfigState(), [AddCluster(cluster="c"), AddHttpFrontend(cluster="c", hostname="a.b", request_headers=(HeaderEdit(remove="X-Forwarded-Host"),))])
