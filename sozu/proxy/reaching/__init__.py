"""From a request to a connection with a backend: `choice` for nearly all clusters, `admission` (and the `lease` that it gives) for those with terms.

`connecting` opens a connection, and says what it means when there is none. `permission` asks another cluster first whether a request may pass.
"""

from sozu.proxy.reaching.choice import reach, reach_anew
from sozu.proxy.reaching.connecting import GATEWAY_TIMEOUT, Counted, blame, open_back
from sozu.proxy.reaching.permission import permitted

__all__ = ["GATEWAY_TIMEOUT", "Counted", "blame", "open_back", "permitted", "reach", "reach_anew"]
