"""Diagnostics that people ask of agents: who may, how a request goes on, what is taken of an answer. Pure.

Joined by `composition.py`; asked by the pages, the control socket and `rpc/`.
"""
