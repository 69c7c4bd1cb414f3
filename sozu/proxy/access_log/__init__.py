"""The access log: `json_lines` and `ncsa_lines` say how an exchange looks, `writing` gets it out without ever holding up traffic."""

from sozu.proxy.access_log.writing import AccessLog, NoLog

__all__ = ["AccessLog", "NoLog"]
