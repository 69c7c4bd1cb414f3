"""Connections of TCP listeners, and of others that are passed on: bytes both ways, whatever they mean. `flow` is one way of them, `session` the life of one connection."""

from sozu.proxy.tunnel.session import Course, TunnelSession

__all__ = ["Course", "TunnelSession"]
