"""What the edge refuses."""

import grpc

from servicekit.errors import ServiceError


class WebsocketOnly(ServiceError):
    """Only the websocket transport is served here. Connect with transports: ["websocket"]."""

    code, reason = grpc.StatusCode.INVALID_ARGUMENT, "WEBSOCKET_ONLY"


class NoSuchPage(ServiceError):
    """There is nothing at this path."""

    code, reason = grpc.StatusCode.NOT_FOUND, "NOT_FOUND"


class NotServing(ServiceError):
    """The event broker is away, so nothing new would be seen here."""

    code, reason = grpc.StatusCode.UNAVAILABLE, "BROKER_AWAY"


class TokenMissing(ServiceError):
    """Connect with auth: {{"token": "<access token>"}}."""

    code, reason = grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING"


class PrincipalNotAdmitted(ServiceError):
    """A {kind} does not watch dashboards; users and services do."""

    code, reason = grpc.StatusCode.PERMISSION_DENIED, "PRINCIPAL_NOT_ADMITTED"


class OtherPrincipal(ServiceError):
    """This session is {principal}'s; a token of somebody else does not renew it."""

    code, reason = grpc.StatusCode.PERMISSION_DENIED, "OTHER_PRINCIPAL"


class SessionOver(ServiceError):
    """This session has ended. Connect again."""

    code, reason = grpc.StatusCode.UNAUTHENTICATED, "SESSION_OVER"


class SessionExpired(ServiceError):
    """The token has expired. Connect with a fresh one."""

    code, reason = grpc.StatusCode.UNAUTHENTICATED, "SESSION_EXPIRED"


class SessionRevoked(ServiceError):
    """The token was revoked. Log in again."""

    code, reason = grpc.StatusCode.UNAUTHENTICATED, "SESSION_REVOKED"


class TooSlow(ServiceError):
    """More than {backlog} events were waiting to be read. Connect again for the present state."""

    code, reason = grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_SLOW"


class TopicsMissing(ServiceError):
    """Give {{"topics": ["alerts", ...]}}."""

    code, reason = grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"


class InvalidTopic(ServiceError):
    """A topic is a string."""

    code, reason = grpc.StatusCode.INVALID_ARGUMENT, "INVALID_TOPIC"


class UnknownTopic(ServiceError):
    """The topics are alerts, presence, stats, devices and device:<id>."""

    code, reason = grpc.StatusCode.INVALID_ARGUMENT, "UNKNOWN_TOPIC"


class TooManyTopics(ServiceError):
    """A client may follow {limit} topics."""

    code, reason = grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_TOPICS"


class UnknownEvent(ServiceError):
    """The edge takes subscribe, unsubscribe and authenticate."""

    code, reason = grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_EVENT"


class SnapshotUnavailable(ServiceError):
    """The present state cannot be had right now; it is asked for again and again."""

    code, reason = grpc.StatusCode.UNAVAILABLE, "SNAPSHOT_UNAVAILABLE"


def in_words(error: ServiceError) -> dict[str, str]:
    """A failure as a client of the socket sees it."""
    return {"reason": error.reason, "message": error.message}
