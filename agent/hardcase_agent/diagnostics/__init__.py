"""Diagnostics that a person asks for: decided here, by the site's own switches. Joined by `app.py`."""
