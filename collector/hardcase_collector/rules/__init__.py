"""The rules: sheets compiled to arrays, and the judge that holds frames and records to them.

Called by ingest through `domain.ports.Judge`; no I/O but the reading of sheets.
"""
