"""What the proxy itself says: `pages` when no backend does, `welcome_page` while somebody sets up."""

from sozu.proxy.default_answers.pages import PAGES, default_answer
from sozu.proxy.default_answers.welcome_page import welcome_answer

__all__ = ["PAGES", "default_answer", "welcome_answer"]
