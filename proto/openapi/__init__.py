"""OpenAPI 3.1 made from the contracts: what Envoy's transcoder makes of them, in words of the protos' own comments."""

from openapi.document import rendered

__all__ = ["rendered"]
