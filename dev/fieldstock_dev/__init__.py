"""One machine runs it all: finds or fetches the servers, starts them with the services, and keeps them running.

Two ways in: the command line (`python -m fieldstock_dev`, behind `make demo` and its kin) and
`fieldstock_dev.stack.Stack`, with which tests and benchmarks run a stack of their own.
"""
