"""What other services are told: rows of the outbox, written in the transaction of the change."""

from datetime import datetime

from auth_svc.codec import revocation_to_proto, timestamp, user_to_proto
from auth_svc.models import DevicePrincipal, Outbox, Revocation, User
from fieldstock.auth.v1 import events_pb2

REFUSED, REVOKED = "auth.credential.refused", "auth.principal.revoked"
CREATED, UPDATED, DEACTIVATED = "auth.user.created", "auth.user.updated", "auth.user.deactivated"
# None of them is the only word of what it tells: whoever comes later asks us how things are.
INFORMATIVE = frozenset({REFUSED, REVOKED, CREATED, UPDATED, DEACTIVATED})


def credential_refused(principal: DevicePrincipal, now: datetime) -> Outbox:
    """`auth.credential.refused`: a device is somewhere it should not be."""
    event = events_pb2.CredentialRefused(
        device_id=principal.device_id,
        serial_number=principal.serial_number,
        device_status=principal.status,
        refused_at=timestamp(now),
    )
    return Outbox(key=REFUSED, body=event.SerializeToString())


def user_changed(key: str, user: User) -> Outbox:
    """`auth.user.*`: a user as they are now."""
    return Outbox(key=key, body=events_pb2.UserChanged(user=user_to_proto(user)).SerializeToString())


def principal_revoked(revocation: Revocation) -> Outbox:
    """`auth.principal.revoked`: tokens of a principal are to be refused."""
    return Outbox(key=REVOKED, body=revocation_to_proto(revocation).SerializeToString())
