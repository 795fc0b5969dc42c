"""Proto ⇄ tables."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from auth_svc.models import Revocation, ServiceAccount, User
from fieldstock.auth.v1 import events_pb2, user_pb2


def user_to_proto(user: User) -> user_pb2.User:
    return user_pb2.User(
        id=user.id,
        username=user.username,
        role=user.role,
        active=user.active,
        version=user.version,
        created_at=timestamp(user.created_at),
        updated_at=timestamp(user.updated_at),
    )


def service_account_to_proto(account: ServiceAccount) -> user_pb2.ServiceAccount:
    return user_pb2.ServiceAccount(
        id=account.id,
        name=account.name,
        kind=account.kind,
        revoked=account.revoked_at is not None,
        created_at=timestamp(account.created_at),
        last_used_at=timestamp(account.last_used_at) if account.last_used_at else None,
    )


def revocation_to_proto(revocation: Revocation) -> events_pb2.PrincipalRevoked:
    return events_pb2.PrincipalRevoked(
        principal=revocation.principal, issued_before=timestamp(revocation.issued_before)
    )


def timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
