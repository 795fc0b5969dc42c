"""The servers that Fieldstock stands on: each finds its program, prepares its data, and knows when it is healthy."""
