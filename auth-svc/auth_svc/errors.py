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


class LoginsThrottled(ServiceError):
    """Too many wrong passwords for this user. Try again in {seconds} s."""

    code, reason = StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_LOGINS"


class UserNotFound(ServiceError):
    """There is no user {user_id}."""

    code, reason = StatusCode.NOT_FOUND, "USER_NOT_FOUND"


class UsernameTaken(ServiceError):
    """There is a user {username} already."""

    code, reason = StatusCode.ALREADY_EXISTS, "USERNAME_TAKEN"


class LastAdmin(ServiceError):
    """User {user_id} is the last active admin: nobody would be left to manage users."""

    code, reason = StatusCode.FAILED_PRECONDITION, "LAST_ADMIN"


class NothingToChange(ServiceError):
    """There is nothing to change: of a user, an update takes username, role, password and active."""

    code, reason = StatusCode.INVALID_ARGUMENT, "READ_ONLY_FIELD"


class ServiceAccountNotFound(ServiceError):
    """There is no service account {account_id}."""

    code, reason = StatusCode.NOT_FOUND, "SERVICE_ACCOUNT_NOT_FOUND"


class ServiceAccountNameTaken(ServiceError):
    """There is, or was, a service account {name} already."""

    code, reason = StatusCode.ALREADY_EXISTS, "SERVICE_ACCOUNT_NAME_TAKEN"


class DeviceNotDeployed(ServiceError):
    """Device {device_id} is {status}; only a deployed device, or one in maintenance, gets a token."""

    code, reason = StatusCode.PERMISSION_DENIED, "DEVICE_NOT_DEPLOYED"
