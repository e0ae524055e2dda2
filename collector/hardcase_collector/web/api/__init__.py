"""The HTTPS API for other systems: the control socket's routes below /api, for whom an API token lets in.

`door.py` says who asks and whether he may, `permits.py` what is open at all, `kept.py` that a repeated request is done
once, `document.py` describes it, `problems.py` refuses.
"""

from hardcase_collector.web.api.application import make_api

__all__ = ["make_api"]
