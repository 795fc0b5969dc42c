"""How auth's use cases fail."""

from grpc import StatusCode

from servicekit.errors import ServiceError


class InvalidCredentials(ServiceError):
    """These credentials are not right."""

    code, reason = StatusCode.UNAUTHENTICATED, "INVALID_CREDENTIALS"


class InvalidRefreshToken(ServiceError):
    """The refresh token is unknown, expired or revoked. Log in again."""

    code, reason = StatusCode.UNAUTHENTICATED, "INVALID_REFRESH_TOKEN"


class RefreshTokenReplayed(ServiceError):
    """The refresh token was exchanged before, so somebody else may hold it: its session is ended. Log in again."""

    code, reason = StatusCode.UNAUTHENTICATED, "REFRESH_TOKEN_REPLAYED"


class TooManyLogins(ServiceError):
    """Too many passwords are being checked right now."""

    code, reason = StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_LOGINS"


class DeviceNotDeployed(ServiceError):
    """Device {device_id} is {status}; only a deployed device, or one in maintenance, gets a token."""

    code, reason = StatusCode.PERMISSION_DENIED, "DEVICE_NOT_DEPLOYED"
