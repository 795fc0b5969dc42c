"""The way in: streams, groups, the journal."""
