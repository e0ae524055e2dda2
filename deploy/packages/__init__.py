"""Makes what a site installs: .deb of agent and collector, .rpm of the agent, each with its own virtual environment.

`python -m deploy.packages deb rpm` (make deb, make rpm). Only `wheelhouse.py` talks to the network, and keeps what it
fetched.
"""
