"""The API described for people, at /docs, and for machines, at /openapi.json. Nothing in it comes from elsewhere."""

from gateway.docs.pages import routes

__all__ = ["routes"]
