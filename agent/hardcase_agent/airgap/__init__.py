"""A host without a network: its records leave by files (`export.py`), receipts let go of them (`receipts.py`), and its
identity comes by file too (`joining.py`). `spools.py` reaches the spool; `serving.py` is the running agent's side.
"""
