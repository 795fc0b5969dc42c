"""Users: who there is, what they may do, and that somebody always can manage them."""

import asyncio

import pytest

from auth_svc.users import ADMINS_LOCK
from fieldstock.auth.v1 import events_pb2
from servicekit.testing import eventually, metadata_of, refused

PASSWORD = "correct horse battery staple"
NEW = "another correct battery"


async def test_a_user_sees_who_they_are(root):
    me = await root.GetMe()
    assert (me.id, me.username, me.role, me.active, me.version) == (1, "admin", "admin", True, 1)


async def test_a_new_user_signs_in_with_their_role(root, auth, signed_in, heard):
    user = await root.CreateUser(username=" Vera ", password=PASSWORD, role="viewer")
    assert (user.id, user.username, user.role, user.active, user.version) == (2, "Vera", "viewer", True, 1)
    assert user.created_at == user.updated_at
    assert await root.GetUser(id=2) == user
    assert await (await signed_in("vera")).GetMe() == user
    told = events_pb2.UserChanged.FromString((await heard.next("auth.user.created")).body)
    assert told.user == user


async def test_a_username_is_taken_whatever_its_case(root):
    taken = await refused(root.CreateUser(username="ADMIN", password=PASSWORD, role="viewer"))
    assert (taken.code, taken.reason) == ("ALREADY_EXISTS", "USERNAME_TAKEN")
    vera = await root.CreateUser(username="vera", password=PASSWORD, role="viewer")
    taken = await refused(root.UpdateUser(id=vera.id, username="Admin"))
    assert (taken.code, taken.reason) == ("ALREADY_EXISTS", "USERNAME_TAKEN")
    assert await root.GetUser(id=vera.id) == vera


async def test_of_many_who_take_a_name_at_once_one_gets_it(root, heard, rows):
    tries = (root.CreateUser(username=name, password=PASSWORD, role="viewer") for name in ["vera", "VERA"] * 4)
    answers = await asyncio.gather(*(_reason(each) for each in tries))
    assert sorted(answers) == ["USERNAME_TAKEN"] * 7 + ["done"]
    await heard.next("auth.user.created")
    assert len(await (await rows.execute("SELECT id FROM t_users")).fetchall()) == 2


@pytest.mark.parametrize(
    "given, fields",
    [
        ({}, ["password", "role", "username"]),
        ({"username": "v", "password": "x" * 11, "role": "viewer"}, ["password"]),
        ({"username": "v", "password": "x" * 257, "role": "viewer"}, ["password"]),
        ({"username": "v", "password": PASSWORD, "role": "root"}, ["role"]),
        ({"username": "v", "password": PASSWORD, "role": "ADMIN"}, ["role"]),
        ({"username": "v" * 101, "password": PASSWORD, "role": "viewer"}, ["username"]),
        ({"username": "v\x00", "password": "bell bell bell\x07", "role": "r"}, ["password", "role", "username"]),
    ],
)
async def test_what_can_be_no_user_is_named_and_not_made(root, rows, given, fields):
    answer = await refused(root.CreateUser(**given))
    assert (answer.code, answer.reason, answer.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", fields)
    assert len(await (await rows.execute("SELECT id FROM t_users")).fetchall()) == 1


@pytest.mark.parametrize("role", ["viewer", "operator"])
@pytest.mark.parametrize(
    "rpc, fields",
    [
        ("ListUsers", {}),
        ("CreateUser", {"username": "v", "password": PASSWORD, "role": "admin"}),
        ("GetUser", {"id": 2}),
        ("UpdateUser", {"id": 2, "role": "admin"}),
        ("DeactivateUser", {"id": 1}),
        ("ListServiceAccounts", {}),
        ("CreateServiceAccount", {"name": "g", "kind": "ingest"}),
        ("RevokeServiceAccount", {"id": 1}),
    ],
)
async def test_only_an_admin_manages_others(auth, rows, password_hash, signed_in, role, rpc, fields):
    await _insert(rows, password_hash, "vera", role)
    answer = await refused(getattr(await signed_in("vera"), rpc)(**fields))
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "PERMISSION_DENIED")


async def test_a_list_has_pages_and_takes_the_active_ones_alone(root, rows, password_hash):
    for number in range(7):
        await _insert(rows, password_hash, f"user-{number}", "viewer", active=number % 2 == 0)
    ids, token = [], ""
    while True:
        page = await root.ListUsers(page_size=3, page_token=token)
        ids += [user.id for user in page.users]
        token = page.next_page_token
        if not token:
            break
    assert ids == list(range(1, 9))
    assert [user.id for user in (await root.ListUsers(active=True)).users] == [1, 2, 4, 6, 8]
    assert [user.id for user in (await root.ListUsers(active=False)).users] == [3, 5, 7]
    token = (await root.ListUsers(page_size=3)).next_page_token
    assert (await refused(root.ListUsers(active=True, page_token=token))).reason == "INVALID_PAGE_TOKEN"
    assert (await refused(root.ListUsers(page_size=-1))).fields == ["page_size"]


@pytest.mark.parametrize("id", [0, -1, 99, 2**31 - 1])
@pytest.mark.parametrize("rpc, fields", [("GetUser", {}), ("UpdateUser", {"role": "viewer"}), ("DeactivateUser", {})])
async def test_a_user_that_is_not_there_is_not_found(root, id, rpc, fields):
    answer = await refused(getattr(root, rpc)(id=id, **fields))
    assert (answer.code, answer.reason) == ("NOT_FOUND", "USER_NOT_FOUND")


async def test_an_update_changes_what_is_given_and_nothing_else(root, heard, rows, password_hash):
    await _insert(rows, password_hash, "vera", "viewer")
    user = await root.UpdateUser(id=2, username="Vera K.", version=1)
    assert (user.username, user.role, user.active, user.version) == ("Vera K.", "viewer", True, 2)
    told = events_pb2.UserChanged.FromString((await heard.next("auth.user.updated")).body)
    assert told.user == user
    # What is as it was is no change.
    assert await root.UpdateUser(id=2, username="Vera K.", role="viewer", active=True) == user


async def test_an_update_that_gives_nothing_is_refused(root):
    answer = await refused(root.UpdateUser(id=1, version=1))
    assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", "READ_ONLY_FIELD")


@pytest.mark.parametrize(
    "given, fields",
    [
        ({"username": ""}, ["username"]),
        ({"username": "v" * 101, "role": "", "password": "short"}, ["password", "role", "username"]),
        ({"role": "root"}, ["role"]),
        ({"password": ""}, ["password"]),
        ({"active": True, "version": -1}, ["version"]),
    ],
)
async def test_an_update_that_cannot_be_is_refused_and_changes_nothing(root, given, fields):
    before = await root.GetUser(id=1)
    answer = await refused(root.UpdateUser(id=1, **given))
    assert (answer.code, answer.reason, answer.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", fields)
    assert await root.GetUser(id=1) == before


async def test_a_version_that_was_overtaken_is_stale(root, rows, password_hash):
    await _insert(rows, password_hash, "vera", "viewer")
    await root.UpdateUser(id=2, role="operator", version=1)
    for answer in (
        await refused(root.UpdateUser(id=2, role="viewer", version=1)),
        await refused(root.DeactivateUser(id=2, version=1)),
    ):
        assert (answer.code, answer.reason) == ("ABORTED", "STALE_VERSION")
    user = await root.GetUser(id=2)
    assert (user.role, user.active, user.version) == ("operator", True, 2)


async def test_of_updates_of_one_version_at_once_one_wins(root, rows, password_hash):
    await _insert(rows, password_hash, "vera", "viewer")
    answers = await asyncio.gather(
        *(_reason(root.UpdateUser(id=2, username=f"vera-{number}", version=1)) for number in range(8))
    )
    assert sorted(answers) == ["STALE_VERSION"] * 7 + ["done"]
    assert (await root.GetUser(id=2)).version == 2


@pytest.mark.parametrize("change", [{"role": "operator"}, {"password": NEW}, {"active": False}])
async def test_a_new_role_a_new_password_and_a_deactivation_end_what_the_user_has_open(
    root, auth, signed_in, heard, rows, password_hash, change
):
    await _insert(rows, password_hash, "vera", "viewer")
    pair, vera = await auth.login("vera"), await signed_in("vera")
    await vera.GetMe()
    await root.UpdateUser(id=2, **change)

    told = events_pb2.PrincipalRevoked.FromString((await heard.first("auth.principal.revoked")).body)
    assert told.principal == "user:2"
    await eventually(lambda: _is_refused(vera.GetMe()))
    assert (await refused(auth.refresh(pair.refresh_token))).reason == "INVALID_REFRESH_TOKEN"
    await root.GetMe()


async def test_a_user_signs_in_anew_right_after_a_revocation(root, signed_in, rows, password_hash):
    await _insert(rows, password_hash, "vera", "viewer")
    old = await signed_in("vera")
    for role in ["operator", "viewer"]:
        await root.UpdateUser(id=2, role=role)
        # Within the same second, and the token is good.
        new = await signed_in("vera")
        await eventually(lambda old=old: _is_refused(old.GetMe()))
        assert (await new.GetMe()).role == role
        old = new


async def test_a_deactivated_user_is_out_until_they_are_let_in_again(root, auth, signed_in, heard, rows, password_hash):
    await _insert(rows, password_hash, "vera", "viewer")
    user = await root.DeactivateUser(id=2, version=1)
    assert (user.active, user.version) == (False, 2)
    told = events_pb2.UserChanged.FromString((await heard.next("auth.user.deactivated")).body)
    assert told.user == user
    assert (await refused(auth.login("vera"))).reason == "INVALID_CREDENTIALS"
    # Once is enough, whichever version was read.
    assert await root.DeactivateUser(id=2, version=1) == user
    await root.UpdateUser(id=2, active=True)
    assert (await (await signed_in("vera")).GetMe()).version == 3


@pytest.mark.parametrize(
    "rpc, change", [("DeactivateUser", {}), ("UpdateUser", {"active": False}), ("UpdateUser", {"role": "viewer"})]
)
async def test_the_last_admin_stays(root, rows, password_hash, rpc, change):
    await _insert(rows, password_hash, "former", "admin", active=False)
    await _insert(rows, password_hash, "vera", "operator")
    answer = await refused(getattr(root, rpc)(id=1, **change))
    assert (answer.code, answer.reason) == ("FAILED_PRECONDITION", "LAST_ADMIN")
    me = await root.GetMe()
    assert (me.role, me.active, me.version) == ("admin", True, 1)


@pytest.mark.parametrize("demote", [True, False], ids=["demoted", "deactivated"])
async def test_of_two_admins_who_remove_each_other_at_once_one_stays(
    root, signed_in, rows, password_hash, lock_waits, demote
):
    await _insert(rows, password_hash, "other", "admin")
    other = await signed_in("other")

    def remove(by, id):
        return by.UpdateUser(id=id, role="viewer") if demote else by.DeactivateUser(id=id)

    async with rows.transaction():
        await rows.execute("SELECT pg_advisory_xact_lock(%s)", [ADMINS_LOCK])
        removals = [asyncio.ensure_future(_reason(remove(by, id))) for by, id in [(root, 2), (other, 1)]]
        await eventually(lambda: lock_waits(2))
    assert sorted(await asyncio.gather(*removals)) == ["LAST_ADMIN", "done"]
    left = await rows.execute("SELECT count(*) FROM t_users WHERE active AND role = 'admin'")
    assert await left.fetchone() == (1,)


async def test_a_changed_password_ends_all_sessions_but_the_one_that_changed_it(root, auth, heard):
    other, mine = await auth.login(), await auth.login()
    root.metadata = metadata_of(mine.access_token)
    await root.ChangePassword(current_password=PASSWORD, new_password=NEW)

    assert (await refused(auth.refresh(other.refresh_token))).reason == "INVALID_REFRESH_TOKEN"
    assert (await auth.refresh(mine.refresh_token)).access_token
    assert (await root.GetMe()).version == 2
    assert (await refused(auth.login())).reason == "INVALID_CREDENTIALS"
    assert (await auth.login(password=NEW)).access_token
    await heard.next("auth.user.updated")


async def test_a_password_is_not_changed_by_who_does_not_know_it(root, auth):
    answer = await refused(root.ChangePassword(current_password="wrong", new_password=NEW))
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "INVALID_CREDENTIALS")
    assert (await auth.login()).access_token


async def test_of_two_password_changes_at_once_one_is_done(root, auth, lock_waits, rows):
    news = [NEW, "yet another battery"]
    async with rows.transaction():
        await rows.execute("SELECT 1 FROM t_users FOR UPDATE")
        changes = [
            asyncio.ensure_future(_reason(root.ChangePassword(current_password=PASSWORD, new_password=new)))
            for new in news
        ]
        await eventually(lambda: lock_waits(2))
    answers = await asyncio.gather(*changes)
    assert sorted(answers) == ["INVALID_CREDENTIALS", "done"]
    assert (await auth.login(password=news[answers.index("done")])).access_token


@pytest.mark.parametrize(
    "current, new, fields",
    [
        ("", "", ["current_password", "new_password"]),
        (PASSWORD, "x" * 11, ["new_password"]),
        (PASSWORD, "x" * 257, ["new_password"]),
        ("x" * 257, NEW, ["current_password"]),
        (PASSWORD, "twelve letters\n", ["new_password"]),
    ],
)
async def test_what_can_be_no_password_is_named(root, auth, current, new, fields):
    answer = await refused(root.ChangePassword(current_password=current, new_password=new))
    assert (answer.code, answer.reason, answer.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", fields)
    assert (await auth.login()).access_token


async def _insert(rows, password_hash, username, role, active=True):
    insert = "INSERT INTO t_users (username, password_hash, role, active) VALUES (%s, %s, %s, %s)"
    await rows.execute(insert, [username, password_hash, role, active])


async def _reason(call):
    """How a call ended: "done", or the reason of its refusal."""
    try:
        return (await refused(call)).reason
    except AssertionError:
        return "done"


async def _is_refused(call):
    return await _reason(call) == "UNAUTHENTICATED"
