"""What `hardcase-agent doctor` finds out about machine and installation: each missing right, and how to give it.

`findings.py` puts the rest together; sources speak for themselves (`probing.py` asks them). Reads files below a root
that a test can replace, and changes nothing.
"""
