"""The keys of auth-svc, asked for over a real channel; auth-svc itself is a fake that can be away."""

import asyncio
from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fieldstock.auth.v1 import key_service_pb2, key_service_pb2_grpc
from servicekit import keys as module
from servicekit.access import Verifier
from servicekit.channels import connect
from servicekit.errors import KeysUnavailable, Unauthenticated
from servicekit.keys import RemoteKeys
from servicekit.server import serve
from servicekit.testing import Issuer, eventually


class Auth(key_service_pb2_grpc.KeyServiceServicer):
    """Publishes the keys it is given, from one port; answers wait while `open` is not set."""

    def __init__(self) -> None:
        self.keys: list[key_service_pb2.Key] = []
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()
        self.port = 0
        self._serving = None

    async def GetKeySet(self, request, context):
        self.asked += 1
        await self.open.wait()
        return key_service_pb2.KeySet(keys=self.keys)

    async def start(self) -> None:
        registration = (key_service_pb2_grpc.add_KeyServiceServicer_to_server, self)
        self._serving = serve(f"127.0.0.1:{self.port}", [registration], Issuer().verifier())
        self.port = (await self._serving.__aenter__()).port

    async def stop(self) -> None:
        if self._serving:
            serving, self._serving = self._serving, None
            await serving.__aexit__(None, None, None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def key(kid: str) -> key_service_pb2.Key:
    x = urlsafe_b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode().rstrip("=")
    return key_service_pb2.Key(kty="OKP", crv="Ed25519", x=x, kid=kid, alg="EdDSA", use="sig")


@pytest.fixture
async def auth():
    auth = Auth()
    auth.keys = [key("old")]
    await auth.start()
    yield auth
    auth.open.set()
    await auth.stop()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def keys(auth, clock):
    async with connect(f"127.0.0.1:{auth.port}") as channel:
        yield RemoteKeys(channel, clock)


async def test_keys_are_asked_for_once_and_then_known(keys, auth):
    assert await keys("old")
    assert await keys("old")
    assert auth.asked == 1


async def test_all_who_come_before_the_first_answer_get_it(keys, auth):
    auth.open.clear()
    calls = [asyncio.create_task(keys("old")) for _ in range(20)]
    await eventually(_true(lambda: auth.asked))
    calls += [asyncio.create_task(keys("old")) for _ in range(20)]
    auth.open.set()
    assert all(await asyncio.gather(*calls))
    assert auth.asked == 1


async def test_a_caller_that_gives_up_takes_the_answer_from_nobody(keys, auth):
    auth.open.clear()
    first, second = asyncio.create_task(keys("old")), asyncio.create_task(keys("old"))
    await eventually(_true(lambda: auth.asked))
    first.cancel()
    auth.open.set()
    assert await second
    assert auth.asked == 1


async def test_a_new_key_is_found_as_soon_as_a_token_names_it(keys, auth, clock):
    await keys("old")
    auth.keys.append(key("new"))
    clock.now += module.ASK_AGAIN_SECONDS + 0.1
    assert await keys("new")


async def test_a_withdrawn_key_is_forgotten_at_the_next_refresh(keys, auth, clock):
    await keys("old")
    auth.keys = [key("new")]
    assert await keys("old")
    clock.now += module.REFRESH_SECONDS + 0.1
    assert await keys("old") is None


async def test_forged_key_ids_do_not_make_us_ask_each_time(keys, auth, clock):
    await keys("old")
    for n in range(50):
        assert await keys(f"forged-{n}") is None
    assert auth.asked == 1
    clock.now += module.ASK_AGAIN_SECONDS + 0.1
    for n in range(50):
        assert await keys(f"forged-{n}") is None
    assert auth.asked == 2


async def test_known_keys_go_on_being_good_while_auth_is_away(keys, auth, clock):
    await keys("old")
    await auth.stop()
    for _ in range(3):
        clock.now += module.REFRESH_SECONDS + 0.1
        assert await keys("old")
    with pytest.raises(KeysUnavailable):
        await keys("unknown")


async def test_keys_that_were_never_had_are_unavailable_until_auth_comes(keys, auth, clock):
    await auth.stop()
    verifier = Verifier(keys)
    token = Issuer().token()
    with pytest.raises(KeysUnavailable) as caught:
        await verifier.verify(token)
    assert caught.value.retry_after == module.ASK_AGAIN_SECONDS
    await auth.start()

    async def asked():
        clock.now += module.ASK_AGAIN_SECONDS + 0.1
        try:
            return await keys("old")
        except KeysUnavailable:
            return None

    # gRPC alone would pause for longer and longer before it tries again.
    assert await eventually(asked, within=5, every=0.05)
    with pytest.raises(Unauthenticated, match="not signed by a key of ours"):
        await verifier.verify(token)


async def test_auth_that_does_not_answer_holds_nobody_for_long(keys, auth, monkeypatch):
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 0.1)
    auth.open.clear()
    with pytest.raises(KeysUnavailable):
        await asyncio.wait_for(keys("old"), 2)


async def test_a_key_of_a_kind_we_do_not_know_spoils_no_others(keys, auth):
    auth.keys.insert(0, key_service_pb2.Key(kty="EC", crv="P-256", x="?", kid="strange"))
    assert await keys("old")
    assert await keys("strange") is None


def _true(condition):
    async def look():
        return condition()

    return look
