"""The control socket: the JSON that the other hardcase-collector commands ask of a running collector."""
