"""Readings and devices as columns: pure numpy, no I/O."""
