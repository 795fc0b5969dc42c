"""fieldstock.auth.v1.KeyService: read, call, render."""

from typing import Any

from auth_svc.keys import Key, SigningKeys
from fieldstock.auth.v1 import key_service_pb2, key_service_pb2_grpc
from servicekit.access import ALGORITHM


class KeyServicer(key_service_pb2_grpc.KeyServiceServicer):
    """The public keys over gRPC, and through Envoy as /.well-known/jwks.json."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    async def GetKeySet(self, request: Any, context: Any) -> key_service_pb2.KeySet:
        return key_service_pb2.KeySet(keys=[_jwk(key) for key in await self._keys.published()])


def _jwk(key: Key) -> key_service_pb2.Key:
    return key_service_pb2.Key(kty="OKP", crv="Ed25519", x=key.x, kid=key.kid, alg=ALGORITHM, use="sig")
