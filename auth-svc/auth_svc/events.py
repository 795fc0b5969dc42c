"""What other services are told: rows of the outbox, written in the transaction of the change."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from auth_svc.models import DevicePrincipal, Outbox
from fieldstock.auth.v1 import events_pb2


def credential_refused(principal: DevicePrincipal, now: datetime) -> Outbox:
    """`auth.credential.refused`: a device is somewhere it should not be."""
    refused_at = Timestamp()
    refused_at.FromDatetime(now)
    event = events_pb2.CredentialRefused(
        device_id=principal.device_id,
        serial_number=principal.serial_number,
        device_status=principal.status,
        refused_at=refused_at,
    )
    return Outbox(key="auth.credential.refused", body=event.SerializeToString())
