"""How inventory's use cases fail."""

from grpc import StatusCode

from servicekit.errors import InvalidFields, ServiceError


class DeviceNotFound(ServiceError):
    """There is no device {device_id}."""

    code, reason = StatusCode.NOT_FOUND, "DEVICE_NOT_FOUND"


class DeviceTypeNotFound(ServiceError):
    """There is no type {type}: no device of it was ever registered."""

    code, reason = StatusCode.NOT_FOUND, "DEVICE_TYPE_NOT_FOUND"


class InvalidTransition(ServiceError):
    """Device {device_id} is {old}; it cannot become {new}."""

    code, reason = StatusCode.FAILED_PRECONDITION, "INVALID_TRANSITION"


class RetiredStays(InvalidTransition):
    """Device {device_id} is retired; it cannot be relocated."""


class DeviceRetired(ServiceError):
    """Device {device_id} is retired."""

    code, reason = StatusCode.FAILED_PRECONDITION, "DEVICE_RETIRED"


class ReservedForAnother(ServiceError):
    """Device {device_id} is reserved for {reserved_for}."""

    code, reason = StatusCode.FAILED_PRECONDITION, "RESERVED_FOR_ANOTHER"


class SerialNumberTaken(ServiceError):
    """Another device has the serial number {serial_number}."""

    code, reason = StatusCode.ALREADY_EXISTS, "SERIAL_NUMBER_TAKEN"


class ReadOnlyFields(InvalidFields):
    """{summary}"""

    reason = "READ_ONLY_FIELD"


class NothingToChange(ServiceError):
    """Nothing to change was given; an update changes name, type, serial_number, specs and purchase_date."""

    code, reason = StatusCode.INVALID_ARGUMENT, "READ_ONLY_FIELD"


class StreamReplaced(ServiceError):
    """Device {device_id} opened a newer stream."""

    code, reason = StatusCode.ABORTED, "STREAM_REPLACED"


class TooManyStreams(ServiceError):
    """This replica serves as many streams as it can hold."""

    code, reason = StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS"


class GoingDown(ServiceError):
    """This replica is about to end; connect again."""

    code, reason = StatusCode.UNAVAILABLE, "GOING_DOWN"
