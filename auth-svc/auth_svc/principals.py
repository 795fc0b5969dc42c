"""Devices, as those who prove themselves with a secret."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from auth_svc.access_tokens import AccessTokens
from auth_svc.errors import DeviceNotDeployed, InvalidCredentials
from auth_svc.models import RETIRED, CredentialNews, DeviceNews, DevicePrincipal
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

    async def take(self, devices: Sequence[DeviceNews], credentials: Sequence[CredentialNews]) -> None:
        """What events say of devices and of their credentials; what is older than we know changes nothing."""
        async with self._transaction() as repository:
            newer = await repository.take_devices(devices)
            over = [one.device_id for one in devices if one.device_id in newer and one.status == RETIRED]
            for news in credentials:
                principal = await repository.lock_principal(news.device_id)
                if principal.take_credential(news):
                    over.append(news.device_id)
            for device_id in dict.fromkeys(over):
                await repository.record_revocation(f"{Kind.DEVICE}:{device_id}", self._clock())

    async def _tell_refusal(self, repository: Repository, principal: DevicePrincipal) -> DevicePrincipal:
        now = self._clock()
        principal = await repository.lock_principal(principal.device_id)
        if not principal.may_enter() and principal.tell_refusal(now):
            repository.record_refusal(principal, now)
        return principal
