"""What can go wrong on a developer's machine. Each is shown to a person as it stands, without a traceback."""

import inspect


class DevError(Exception):
    """Something is wrong with this machine or its settings."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(inspect.cleandoc(type(self).__doc__ or "").format(**facts))


class InvalidSetting(DevError):
    """{variable} is not usable: {problem}."""


class ForeignHome(DevError):
    """{home} holds files and was not made by Fieldstock, so nothing is written or removed there.
    Set FIELDSTOCK_HOME to a folder that is empty or does not exist."""


class PortInUse(DevError):
    """Port {port} on {address} is in use by a program that is not of this stack.
    End that program, or choose another port: FIELDSTOCK_PORT=8090 make up"""


class NoFreePort(DevError):
    """No free port was found on {address}."""


class ServerMissing(DevError):
    """{server} was not found, and could not be installed: {problem}.
    {remedy}"""


class CommandFailed(DevError):
    """{what} failed with exit code {code}:
    {output}"""


class PartDied(DevError):
    """{part} ended while it was starting. The last lines of {log}:

    {tail}"""


class PartUnhealthy(DevError):
    """{part} did not become healthy within {seconds:.0f} s: {trouble}.
    Its log: {log}"""


class SupervisorFailed(DevError):
    """The supervisor did not start: {output}"""


class UnknownPart(DevError):
    """There is no {part} in this stack; there is {known}."""


class NotRunning(DevError):
    """{part} is not running."""


class StillRunning(DevError):
    """{processes} could not be ended."""


class NotOurs(DevError):
    """{server} is given by {variable}, so there is no {what} to tell."""
