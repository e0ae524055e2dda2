"""Durable segments between sampling and uplink: `spool.py` is the door, `segment.py` the form, `files.py` the disk."""
