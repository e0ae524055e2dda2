"""Decides from `now` what is due, what is broken and what becomes a record. No I/O, no clock, no waiting: `app.py`."""
