"""The pages, one module each: server-rendered, no script; `make_pages` joins them.

Signing in is `web/sign_in.py`, what is shown is `web/picture.py`, words are `web/texts.py`. Endpoints are plain
functions, which the framework runs on threads: the stores block.
"""

from hardcase_collector.web.pages.application import MAX_BODY, make_pages

__all__ = ["MAX_BODY", "make_pages"]
