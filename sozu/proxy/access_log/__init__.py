"""The access log: `lines` says how an exchange looks, `writing` gets it out without ever holding up traffic."""

from sozu.proxy.access_log.lines import Exchange
from sozu.proxy.access_log.texts import Texts, texts_of
from sozu.proxy.access_log.writing import AccessLog, NoLog

__all__ = ["AccessLog", "Exchange", "NoLog", "Texts", "texts_of"]
