"""What each release's agent leaves on disk and says on the wire, so that later collectors and spools prove that they
still take it. `record.py` makes one folder a release; tests/integration/test_version_skew.py reads them all.
"""
