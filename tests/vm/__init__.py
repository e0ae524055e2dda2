"""The agent's package on a machine that is real in all but metal: installed, enrolled, killed, upgraded, purged.

`server.py` is that machine with its collector, `account.py` counts what arrived, `inside/` runs in the guest.
`make vm-test` runs the tests here; `tests/chaos/power.py` takes the power away ten times.
"""
