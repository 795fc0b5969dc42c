"""Devices, as those who prove themselves with a secret."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from auth_svc.access_tokens import AccessTokens
from auth_svc.errors import DeviceNotDeployed, InvalidCredentials
from auth_svc.models import RETIRED, DevicePrincipal
from auth_svc.repository import Repository, Transaction
from servicekit.access import Kind


@dataclass(frozen=True, slots=True)
class DeviceToken:
    """An access token of a device."""

    access_token: str
    expires_in: int
    device_id: int


class DevicePrincipals:
    """Every device's credential, as inventory told of it."""

    def __init__(
        self, transaction: Transaction, tokens: AccessTokens, clock: Callable[[], datetime], *, token_seconds: int
    ) -> None:
        self._transaction = transaction
        self._tokens = tokens
        self._clock = clock
        self._token_seconds = token_seconds

    async def issue_token(self, serial_number: str, secret: str) -> DeviceToken:
        """Raises InvalidCredentials; DeviceNotDeployed, of which others are told."""
        secret_sha256 = hashlib.sha256(secret.encode()).digest()
        async with self._transaction() as repository:
            found = await repository.principals_with(serial_number)
            principal = next((one for one in found if one.holds(secret_sha256)), None)
            if principal is None:
                raise InvalidCredentials
            if principal.may_enter():
                principal = await repository.hold_principal(principal.device_id)
                if not principal.holds(secret_sha256):
                    raise InvalidCredentials
            else:
                principal = await self._tell_refusal(repository, principal)
            # While the row is held: what revoked tokens before was earlier, else this one, of the new secret, would be
            # born revoked; and what revokes them next waits for the row, and is later.
            now = self._clock()
        # Only now: raised within the transaction, it would undo the telling.
        if not principal.may_enter():
            raise DeviceNotDeployed(device_id=principal.device_id, status=principal.status or "unknown")
        seconds = self._token_seconds
        token = await self._tokens.issue(
            Kind.DEVICE, principal.device_id, principal.serial_number, now, seconds=seconds
        )
        return DeviceToken(token, seconds, principal.device_id)

    async def take_device(self, device_id: int, serial_number: str, status: str, version: int) -> None:
        """A device is at `version` as given here; an older one than we know changes nothing."""
        async with self._transaction() as repository:
            news = await repository.take_device(device_id, serial_number, status, version)
            if news and status == RETIRED:
                await repository.record_revocation(f"{Kind.DEVICE}:{device_id}", self._clock())

    async def take_credential(self, device_id: int, serial_number: str, secret_sha256: bytes, version: int) -> None:
        """A device has a new secret since `version`; an older one than we know changes nothing."""
        async with self._transaction() as repository:
            principal = await repository.lock_principal(device_id)
            if principal.take_credential(serial_number, secret_sha256, version):
                await repository.record_revocation(f"{Kind.DEVICE}:{device_id}", self._clock())

    async def _tell_refusal(self, repository: Repository, principal: DevicePrincipal) -> DevicePrincipal:
        now = self._clock()
        principal = await repository.lock_principal(principal.device_id)
        if not principal.may_enter() and principal.tell_refusal(now):
            repository.record_refusal(principal, now)
        return principal
