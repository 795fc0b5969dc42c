"""A fleet of devices that do not exist, for demonstrations and for load."""
