"""SMART: disks read by `smartctl --json`, never waking one.

`report.py` (one answer to values; pure) with `ata.py`, `attributes.py`, `nvme.py`, `scsi.py`; `decoding.py` (captures)
with `text.py`, `text_ata.py`, `text_logs.py`, `nvme_cli.py`; `blockdevices.py` (what the kernel
lists); `shelf.py` (which disk is behind which paths); `memory.py` (what is known, kept over restarts); `source.py`
(the sweeps); `family.py` (settings).
"""
