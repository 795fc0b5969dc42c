"""Queries, and the rows that go with every change; each class within one transaction."""
