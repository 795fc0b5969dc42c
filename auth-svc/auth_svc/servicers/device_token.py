"""fieldstock.auth.v1.DeviceTokenService: read, call, render."""

from typing import Any

from auth_svc.principals import DevicePrincipals
from fieldstock.auth.v1 import device_token_service_pb2, device_token_service_pb2_grpc
from servicekit.fields import Fields

LONGEST_SERIAL, LONGEST_SECRET = 100, 256


class DeviceTokenServicer(device_token_service_pb2_grpc.DeviceTokenServiceServicer):
    """Device tokens over gRPC, and through Envoy over REST."""

    def __init__(self, principals: DevicePrincipals) -> None:
        self._principals = principals

    async def IssueDeviceToken(self, request: Any, context: Any) -> device_token_service_pb2.DeviceToken:
        fields = Fields()
        serial_number = fields.text("serial_number", request.serial_number, longest=LONGEST_SERIAL, required=True)
        secret = fields.text("secret", request.secret, longest=LONGEST_SECRET, required=True)
        fields.check()
        token = await self._principals.issue_token(serial_number, secret)
        return device_token_service_pb2.DeviceToken(
            access_token=token.access_token,
            token_type="Bearer",
            expires_in=token.expires_in,
            device_id=token.device_id,
        )
