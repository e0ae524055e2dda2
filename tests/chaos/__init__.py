"""Kill anything at any instant, then count: nothing lost, nothing doubled, one case a fault, one id a webhook.

`python -m tests.chaos` is `make chaos`; `test_chaos.py` is its short form. `power.py` takes a guest's power away.
"""
