"""fieldstock.auth.v1.UserService: read, call, render."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from auth_svc.accounts import LONGEST_USERNAME
from auth_svc.codec import user_to_proto
from auth_svc.errors import NothingToChange
from auth_svc.passwords import read_new_password, read_password
from auth_svc.users import Users
from fieldstock.auth.v1 import user_pb2, user_service_pb2, user_service_pb2_grpc
from servicekit.access import Role, caller
from servicekit.fields import Fields
from servicekit.paging import ID, read_page

ROLES = [role.name.lower() for role in Role]
CHANGEABLE = ("username", "role", "password", "active")


class UserServicer(user_service_pb2_grpc.UserServiceServicer):
    """Users over gRPC, and through Envoy over REST."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def GetMe(self, request: Any, context: Any) -> user_pb2.User:
        return user_to_proto(await self._users.get(caller().id))

    async def ChangePassword(self, request: Any, context: Any) -> Empty:
        fields = Fields()
        current = read_password(fields, request.current_password, "current_password")
        new = read_new_password(fields, request.new_password, "new_password")
        fields.check()
        who = caller()
        await self._users.change_password(who.id, UUID(who.session) if who.session else None, current, new)
        return Empty()

    async def ListUsers(self, request: Any, context: Any) -> user_service_pb2.ListUsersResponse:
        page = read_page(request, ID)
        active = request.active if request.HasField("active") else None
        users = await self._users.page(active, after=int(page.after[0]) if page.after else 0, limit=page.size + 1)
        return user_service_pb2.ListUsersResponse(
            users=[user_to_proto(user) for user in users[: page.size]],
            next_page_token=page.token([users[page.size - 1].id]) if len(users) > page.size else "",
        )

    async def CreateUser(self, request: Any, context: Any) -> user_pb2.User:
        fields = Fields()
        username = _username(fields, request.username)
        password = read_new_password(fields, request.password)
        role = _role(fields, request.role)
        fields.check()
        return user_to_proto(await self._users.create(username, password, role))

    async def GetUser(self, request: Any, context: Any) -> user_pb2.User:
        return user_to_proto(await self._users.get(request.id))

    async def UpdateUser(self, request: Any, context: Any) -> user_pb2.User:
        given = {field: getattr(request, field) for field in CHANGEABLE if request.HasField(field)}
        if not given:
            raise NothingToChange
        fields = Fields()
        for field, read in {"username": _username, "role": _role, "password": read_new_password}.items():
            if field in given:
                given[field] = read(fields, given[field])
        version = _version(fields, request)
        fields.check()
        return user_to_proto(await self._users.update(request.id, **given, version=version))

    async def DeactivateUser(self, request: Any, context: Any) -> user_pb2.User:
        fields = Fields()
        version = _version(fields, request)
        fields.check()
        return user_to_proto(await self._users.deactivate(request.id, version=version))


def _username(fields: Fields, value: str) -> str:
    return fields.text("username", value, longest=LONGEST_USERNAME, required=True)


def _role(fields: Fields, value: str) -> str:
    if not value:
        fields.refuse("role", "is required")
    return fields.one_of("role", value, ROLES)


def _version(fields: Fields, request: Any) -> int | None:
    if request.version < 0:
        fields.refuse("version", "must not be negative")
    return request.version or None
