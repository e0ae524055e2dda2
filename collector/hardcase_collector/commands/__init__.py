"""The commands that are clients of a running collector: each asks the control socket and prints tables or JSON."""
