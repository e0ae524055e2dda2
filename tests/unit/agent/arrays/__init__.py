"""Unit tests of the arrays family."""
