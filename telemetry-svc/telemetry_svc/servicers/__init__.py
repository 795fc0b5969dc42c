"""One module per proto service: read, call, render."""
