"""One consistent set of everything a collector keeps: taken while it serves, put back elsewhere.

`taking.py` freezes both stores at one point between two groups of records, `archive.py` is the file's form,
`restoring.py` puts it back. Joined by `app.py`; asked for through `web/control/backups.py`.
"""
