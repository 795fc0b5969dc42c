"""The servers that Fieldstock stands on: each finds its program, prepares its data, says how to start it and when it is healthy."""
