"""Streams with rows that can never be stored: counted and passed over, nobody else disturbed."""

import time

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from servicekit.testing import Issuer


async def test_bad_rows_of_a_stream_are_passed_over_and_good_ones_stored(ready, speak, admin):
    good = speak(1, {"temperature": 21.5})
    uneven = speak(2, {"temperature": 1.0, "cpu": 2.0})
    uneven.series[1].values.append(3.0)
    other = speak(3, {"temperature": 1.0}, device_id=[ready.id + 1])
    empty = speak(4, {"temperature": 1.0})
    empty.ClearField("series")
    empty.ClearField("time_ms")
    wide = speak(5, {f"m{n}": 1.0 for n in range(65)})
    infinite = speak(6, {"temperature": float("inf")})
    late = speak(7, {"temperature": 1.0}, time_ms=1_000_000)
    minus = speak(8, {"temperature": 1.0}, device_id=[-1])
    huge = speak(9, {"temperature": 1.0}, device_id=[2_000_000_000])
    last = speak(10, {"temperature": 22.5}, time_ms=int(time.time() * 1000))

    stream = ready.stream(await ready.token())
    for message in (good, uneven, other, empty, wide, infinite, late, minus, huge, last):
        await stream.write(message)
    await stream.done_writing()
    summary = await stream
    assert (summary.committed_sequence, summary.accepted_rows) == (10, 2)
    reasons = {rejection.reason: rejection.rows for rejection in summary.rejections}
    assert reasons["NOT_OWN_DEVICE"] == 3
    assert reasons["TIME_TOO_OLD"] == reasons["INVALID_VALUE"] == 1
    assert reasons["INVALID_BATCH"] >= 2
    page = await admin("GET", f"/monitoring/data/{ready.id}")
    assert [reading["metrics"] for reading in page["readings"]] == [{"temperature": 22.5}, {"temperature": 21.5}]


async def test_a_stream_without_a_good_token_is_turned_away(ready, stack):
    for token in ("", "x.y.z", Issuer().token(), _expired(await ready.token())):
        stream = ready.stream(token)
        assert await stream.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_a_stream_of_one_device_does_not_disturb_anothers(ready, admin, door, speak, make_ready):
    other = await make_ready()
    good, bad = other.stream(await other.token()), ready.stream(await ready.token())
    await bad.write(speak(1, {"temperature": 1.0}, device_id=[other.id]))
    await good.write(speak(1, {"temperature": 5.0}))
    for stream in (good, bad):
        await stream.done_writing()
    assert (await bad).rejected_rows == 1
    assert (await good).accepted_rows == 1
    page = await admin("GET", f"/monitoring/data/{other.id}")
    assert [reading["metrics"] for reading in page["readings"]] == [{"temperature": 5.0}]


async def test_nothing_that_a_device_sends_ends_the_streams_of_others(ready, speak, make_ready):
    # Told back whole, they would be longer than the headers that Envoy takes: it ends the connection that all share.
    long_name = speak(1, {"X" * 1_000_000: 1.0})
    long_source = speak(1, {"temperature": 1.0}, source_id="s" * 1_000_000)
    many_series = type(long_name).FromString(b"\x08\x01" + b"\x22\x00" * 1_000_000)

    other = await make_ready()
    good = other.stream(await other.token())
    await good.write(speak(1, {"temperature": 5.0}))
    for message in (long_name, many_series):
        bad = ready.stream(await ready.token())
        await bad.write(message)
        await bad.done_writing()
        assert (await bad).rejected_rows == len(message.time_ms)
    bad = ready.stream(await ready.token())
    await bad.write(long_source)
    assert await bad.code() == grpc.StatusCode.INVALID_ARGUMENT
    await good.write(speak(2, {"temperature": 6.0}, time_ms=int(time.time() * 1000)))
    await good.done_writing()
    assert (await good).accepted_rows == 2


def _expired(token: str) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    claims["exp"] = int(time.time()) - 60
    return jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers=jwt.get_unverified_header(token))
