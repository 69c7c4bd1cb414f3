"""Connections of TCP listeners: bytes both ways, whatever they mean. `flow` is one way of them, `session` the life of one connection."""

from sozu.proxy.tunnel.session import TunnelSession

__all__ = ["TunnelSession"]
