"""How inventory's use cases fail."""

from grpc import StatusCode

from servicekit.errors import ServiceError


class DeviceNotFound(ServiceError):
    """There is no device {device_id}."""

    code, reason = StatusCode.NOT_FOUND, "DEVICE_NOT_FOUND"


class InvalidTransition(ServiceError):
    """Device {device_id} is {old}; it cannot become {new}."""

    code, reason = StatusCode.FAILED_PRECONDITION, "INVALID_TRANSITION"


class SerialNumberTaken(ServiceError):
    """Another device has the serial number {serial_number}."""

    code, reason = StatusCode.ALREADY_EXISTS, "SERIAL_NUMBER_TAKEN"
