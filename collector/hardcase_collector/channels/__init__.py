"""Ways out, one module each with its own settings: see `Channel` in domain/ports.py. Made by app.py."""
