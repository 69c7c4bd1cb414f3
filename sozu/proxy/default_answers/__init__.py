"""What the proxy itself says: `pages` when no backend does, or `custom_pages` in their place; `welcome_page` while somebody sets up."""

from sozu.proxy.default_answers.custom_pages import chosen_page, filled_page
from sozu.proxy.default_answers.pages import PAGES, default_answer, framed
from sozu.proxy.default_answers.welcome_page import welcome_answer

__all__ = ["PAGES", "chosen_page", "default_answer", "filled_page", "framed", "welcome_answer"]
