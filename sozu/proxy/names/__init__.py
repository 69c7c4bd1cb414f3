"""Backends that are given by name: `lookup` asks DNS, `following` keeps the addresses of live backends as DNS has them. Off the way of requests."""

from sozu.proxy.names.following import Names

__all__ = ["Names"]
