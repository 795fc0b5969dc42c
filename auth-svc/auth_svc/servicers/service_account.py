"""fieldstock.auth.v1.ServiceAccountService: read, call, render."""

from typing import Any

from auth_svc.codec import service_account_to_proto
from auth_svc.models import ServiceKind
from auth_svc.service_accounts import ServiceAccounts
from fieldstock.auth.v1 import service_account_service_pb2, service_account_service_pb2_grpc, user_pb2
from servicekit.fields import Fields
from servicekit.paging import ID, read_page

LONGEST_NAME, LONGEST_SECRET = 100, 256


class ServiceAccountServicer(service_account_service_pb2_grpc.ServiceAccountServiceServicer):
    """Service accounts over gRPC, and through Envoy over REST."""

    def __init__(self, accounts: ServiceAccounts) -> None:
        self._accounts = accounts

    async def ListServiceAccounts(self, request: Any, context: Any) -> Any:
        page = read_page(request, ID)
        accounts = await self._accounts.page(after=int(page.after[0]) if page.after else 0, limit=page.size + 1)
        return service_account_service_pb2.ListServiceAccountsResponse(
            service_accounts=[service_account_to_proto(account) for account in accounts[: page.size]],
            next_page_token=page.token([accounts[page.size - 1].id]) if len(accounts) > page.size else "",
        )

    async def CreateServiceAccount(self, request: Any, context: Any) -> Any:
        fields = Fields()
        name = fields.text("name", request.name, longest=LONGEST_NAME, required=True)
        kind = fields.one_of("kind", request.kind, list(ServiceKind))
        fields.check()
        account, secret = await self._accounts.create(name, ServiceKind(kind))
        return service_account_service_pb2.CreateServiceAccountResponse(
            service_account=service_account_to_proto(account), secret=secret
        )

    async def RevokeServiceAccount(self, request: Any, context: Any) -> user_pb2.ServiceAccount:
        return service_account_to_proto(await self._accounts.revoke(request.id))

    async def IssueServiceToken(self, request: Any, context: Any) -> service_account_service_pb2.ServiceToken:
        fields = Fields()
        name = fields.text("name", request.name, longest=LONGEST_NAME, required=True)
        secret = fields.text("secret", request.secret, longest=LONGEST_SECRET, required=True)
        fields.check()
        token = await self._accounts.issue_token(name, secret)
        return service_account_service_pb2.ServiceToken(
            access_token=token.access_token, token_type="Bearer", expires_in=token.expires_in
        )
