"""The wiring of auth-svc: built top to bottom, closed bottom to top."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

from auth_svc.access_tokens import AccessTokens
from auth_svc.accounts import Accounts
from auth_svc.consumers import KEYS, QUEUE, InventoryEvents
from auth_svc.events import INFORMATIVE
from auth_svc.keys import SigningKeys
from auth_svc.passwords import Passwords
from auth_svc.principals import DevicePrincipals
from auth_svc.repository import transactions
from auth_svc.revocations import Revocations
from auth_svc.service_accounts import ServiceAccounts
from auth_svc.servicers.device_token import DeviceTokenServicer
from auth_svc.servicers.key import KeyServicer
from auth_svc.servicers.revocation import RevocationServicer
from auth_svc.servicers.service_account import ServiceAccountServicer
from auth_svc.servicers.session import SessionServicer
from auth_svc.servicers.user import UserServicer
from auth_svc.settings import MigrationSettings, Settings
from auth_svc.tokens import Sessions
from auth_svc.users import Users
from fieldstock.auth.v1 import (
    device_token_service_pb2_grpc,
    key_service_pb2_grpc,
    revocation_service_pb2_grpc,
    service_account_service_pb2_grpc,
    session_service_pb2_grpc,
    user_service_pb2_grpc,
)
from servicekit.access import Verifier
from servicekit.broker import Broker
from servicekit.database import Database
from servicekit.errors import DatabaseUnavailable, InvalidFields
from servicekit.logs import logger
from servicekit.observability import expose
from servicekit.outbox import relaying
from servicekit.revocations import follow
from servicekit.server import Server, serve

NAME = "auth-svc"
# `migrate` does not wait longer for the broker.
BROKER_SECONDS = 60.0


def utc_now() -> datetime:
    """The clock of a running service."""
    return datetime.now(UTC)


@asynccontextmanager
async def running(settings: Settings, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[Server]:
    """The service, until the block ends."""
    async with AsyncExitStack() as stack:
        stack.enter_context(expose(settings.metrics_listen))
        database = await stack.enter_async_context(Database(settings.postgres_url))
        transaction = transactions(database)
        broker = await stack.enter_async_context(Broker(settings.amqp_url, NAME, transient=(DatabaseUnavailable,)))
        passwords = stack.enter_context(Passwords())

        rotation = timedelta(days=settings.key_rotation_days)
        keys = SigningKeys(transaction, clock, rotation=rotation, longest_token=settings.longest_token)
        tokens = AccessTokens(keys)
        accounts = Accounts(transaction, passwords, clock)
        sessions = Sessions(
            transaction,
            accounts,
            tokens,
            clock,
            access_seconds=settings.access_token_seconds,
            refresh_days=settings.refresh_token_days,
        )
        principals = DevicePrincipals(transaction, tokens, clock, token_seconds=settings.device_token_seconds)
        users = Users(transaction, accounts, passwords, clock)
        services = ServiceAccounts(transaction, tokens, clock, token_seconds=settings.service_token_seconds)
        revocations = Revocations(transaction, clock)
        verifier = Verifier(keys.public_key, clock=lambda: clock().timestamp())

        await stack.enter_async_context(relaying(settings.postgres_url, broker, INFORMATIVE))
        follow(broker, verifier, revocations.all)
        broker.consume(QUEUE, KEYS, InventoryEvents(principals))
        registrations = [
            (session_service_pb2_grpc.add_SessionServiceServicer_to_server, SessionServicer(sessions)),
            (device_token_service_pb2_grpc.add_DeviceTokenServiceServicer_to_server, DeviceTokenServicer(principals)),
            (key_service_pb2_grpc.add_KeyServiceServicer_to_server, KeyServicer(keys)),
            (user_service_pb2_grpc.add_UserServiceServicer_to_server, UserServicer(users)),
            (
                service_account_service_pb2_grpc.add_ServiceAccountServiceServicer_to_server,
                ServiceAccountServicer(services),
            ),
            (revocation_service_pb2_grpc.add_RevocationServiceServicer_to_server, RevocationServicer(revocations)),
        ]
        yield await stack.enter_async_context(serve(settings.listen, registrations, verifier))


async def prepare(settings: MigrationSettings) -> None:
    """What `migrate` does besides the schema: the queue that keeps events for us, and the first admin.

    Raises SystemExit when the broker is away, or when the first admin's name or password is no good.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings.postgres_url))
        passwords = stack.enter_context(Passwords())
        accounts = Accounts(transactions(database), passwords, utc_now)
        try:
            if await accounts.make_first(settings.admin_username, settings.admin_password.get_secret_value()):
                logger.info("first_admin_made", username=settings.admin_username)
        except InvalidFields as error:
            lines = [f"  FIELDSTOCK_ADMIN_{field.upper()}: {why}" for field, why in error.violations.items()]
            raise SystemExit("\n".join(["The first admin cannot be made:", *lines])) from None
        broker = await stack.enter_async_context(Broker(settings.amqp_url, NAME))
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                await broker.declare(QUEUE, KEYS)
        except TimeoutError:
            raise SystemExit(f"The broker of FIELDSTOCK_AMQP_URL did not answer in {BROKER_SECONDS:.0f} s.") from None
