"""Measurements: each public coroutine of a module here takes the running stack and gives its figures."""
