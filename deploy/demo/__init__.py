"""The demo, and the pieces of it that tests stand on: real programs on loopback, a simulated BMC, a webhook sink."""
