"""The PROXY protocol: who a client is, told by the proxy before us (`arrival`) and by us to backends (`sending`). proxy-protocol.txt of HAProxy."""

from sozu.proxy.proxied.arrival import Begin, ProxiedArrival
from sozu.proxy.proxied.sending import proxy_header

__all__ = ["Begin", "ProxiedArrival", "proxy_header"]
