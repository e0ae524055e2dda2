"""The only process with device rights: passes listed IPMI commands and runs a fixed table of tools, nothing else.

Standard library and `domain.errors` only, one thread, small enough to audit in one sitting: read `table.py` and
`array_tools.py` (what may run), `ipmi.py` (what may be sent), `process.py` (how a tool is run), `wire.py` (the
frames), `server.py` (the loop), `kmsg.py` (what prints the kernel's log), `memory.py`.
"""
