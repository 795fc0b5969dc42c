"""Revocations reach those who verify tokens, whatever was away meanwhile."""

import time

import grpc
import pytest

from fieldstock.auth.v1 import events_pb2, revocation_service_pb2, revocation_service_pb2_grpc
from servicekit import revocations
from servicekit.errors import DatabaseUnavailable, Unauthenticated
from servicekit.event import Event
from servicekit.keys import verifying
from servicekit.server import serve
from servicekit.testing import channel_to, close_connections, eventually


def revoked(principal, issued_before=None):
    message = events_pb2.PrincipalRevoked(principal=principal)
    message.issued_before.FromNanoseconds(int((issued_before or time.time()) * 1e9))
    return message


class Auth(revocation_service_pb2_grpc.RevocationServiceServicer):
    """In the place of auth-svc: pages of one."""

    def __init__(self):
        self.revoked = []
        self.failures = 0

    async def ListRevocations(self, request, context):
        if self.failures:
            self.failures -= 1
            raise DatabaseUnavailable
        start = int(request.page_token or 0)
        more = start + 1 < len(self.revoked)
        return revocation_service_pb2.ListRevocationsResponse(
            revocations=self.revoked[start : start + 1], next_page_token=str(start + 1) if more else ""
        )


@pytest.fixture
def auth():
    return Auth()


@pytest.fixture
async def verifier(auth, broker, issuer):
    register = revocation_service_pb2_grpc.add_RevocationServiceServicer_to_server
    async with (
        serve("127.0.0.1:0", [(register, auth)], issuer.verifier()) as server,
        channel_to(server.port) as channel,
    ):
        verifier = issuer.verifier()
        revocations.follow(broker, verifier, revocations.remote(channel))
        yield verifier


async def refuses(verifier, token):
    try:
        await verifier.verify(token)
    except Unauthenticated:
        return True
    return False


async def test_what_was_revoked_before_it_listened_is_refused_on_whichever_page_it_stood(auth, issuer, verifier):
    tokens = [issuer.token(id=number) for number in (7, 8, 9)]
    auth.revoked = [revoked(f"user:{number}") for number in (7, 8, 9)]
    for token in tokens:
        await eventually(lambda token=token: refuses(verifier, token))


async def test_what_is_revoked_while_it_listens_is_refused(broker, issuer, verifier):
    token = issuer.token(id=7)

    async def told():
        await broker.publish(Event.of(revocations.KEY, revoked("user:7")))
        return await refuses(verifier, token)

    await eventually(told)
    assert not await refuses(verifier, issuer.token(id=7))


async def test_what_was_revoked_while_auth_could_not_tell_is_loaded_when_it_can(auth, issuer, verifier):
    auth.failures = 3
    token = issuer.token(id=7)
    auth.revoked = [revoked("user:7")]
    await eventually(lambda: refuses(verifier, token))


async def test_what_was_revoked_while_the_broker_was_away_is_loaded_when_it_is_back(auth, issuer, verifier, vhost):
    first, second = issuer.token(id=7), issuer.token(id=8)
    auth.revoked = [revoked("user:7")]
    await eventually(lambda: refuses(verifier, first))
    auth.revoked.append(revoked("user:8"))
    await close_connections(vhost)
    await eventually(lambda: refuses(verifier, second))


async def test_the_verifier_of_a_service_follows_by_itself(auth, broker, issuer):
    register = revocation_service_pb2_grpc.add_RevocationServiceServicer_to_server
    auth.revoked = [revoked("user:7", 5.0)]
    told = []

    async def heard():
        return told == [("user:7", 5.0)]

    serving = serve("127.0.0.1:0", [(register, auth)], issuer.verifier())
    async with serving as server, verifying(f"127.0.0.1:{server.port}", broker) as verifier:
        verifier.on_revocation(lambda *what: told.append(what))
        await eventually(heard)


async def test_auth_that_is_away_is_no_bug_of_ours():
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        with pytest.raises(ConnectionError, match="UNAVAILABLE"):
            await anext(revocations.remote(channel)())
