"""Logging in, staying in, and getting out."""

from typing import Any


async def test_a_login_gives_a_token_that_other_services_take(auth: Any) -> None:
    pair = await auth.login()
    caller = await auth.caller(pair.access_token)
    assert caller.principal == "user:1"
