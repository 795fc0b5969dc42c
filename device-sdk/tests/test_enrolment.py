"""The simulator's dealings with the REST API, against a register that keeps the contract."""

import asyncio
import json
import random
import stat

import httpx
import pytest

from fieldstock_device.simulate.admin import Admin, Refused
from fieldstock_device.simulate.catalogue import RULES, unit
from fieldstock_device.simulate.enrolment import enrol, make_rules
from fieldstock_device.simulate.fleet_file import FleetFile

UNITS = [unit(index, seed=1) for index in range(45)]


class Register:
    """Inventory, rules and sign-in behind one door."""

    def __init__(self) -> None:
        self.devices: dict[int, dict] = {}
        self.rules: list[dict] = []
        self.token = "token"
        self.sign_ins = 0
        # Answered, in this order, before anything else is.
        self.trouble: list[httpx.Response | Exception] = []
        self.lose_answers_to: set[str] = set()
        self.requests: list[tuple[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request.method, request.url.path))
        if self.trouble:
            trouble = self.trouble.pop(0)
            if isinstance(trouble, Exception):
                raise trouble
            return trouble
        body = json.loads(request.content) if request.content else {}
        answer = self._answer(request, body)
        if body.get("name") in self.lose_answers_to:
            self.lose_answers_to.remove(body["name"])
            raise httpx.ReadError("gone")
        return answer

    def _answer(self, request: httpx.Request, body: dict) -> httpx.Response:
        if request.url.path == "/auth/login":
            self.sign_ins += 1
            if body != {"username": "admin", "password": "secret"}:
                return refusal(401, "INVALID_CREDENTIALS")
            return httpx.Response(200, json={"access_token": self.token, "expires_in": 900})
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return refusal(401, "UNAUTHENTICATED")
        match request.method, request.url.path.strip("/").split("/"):
            case "GET", ["devices"]:
                found = [d for d in self.devices.values() if d["serial_number"].startswith(request.url.params["q"])]
                return page(request, "devices", found)
            case "POST", ["devices"]:
                if body["serial_number"] in {device["serial_number"] for device in self.devices.values()}:
                    return refusal(409, "SERIAL_NUMBER_TAKEN")
                device = {**body, "id": len(self.devices) + 1, "status": "in_stock", "deploy_date": ""}
                self.devices[device["id"]] = device
                credential = {"serial_number": body["serial_number"], "secret": f"secret-{device['id']}"}
                return httpx.Response(200, json={"device": device, "credential": credential})
            case "PUT", ["devices", number, "deploy"]:
                device = self.devices[int(number)]
                if device["status"] != "in_stock":
                    return refusal(400, "INVALID_TRANSITION")
                device.update(location=body["location"], status="deployed", deploy_date="2026-11-23")
                return httpx.Response(200, json=device)
            case "GET", ["monitoring", "rules"]:
                return page(request, "rules", self.rules)
            case "POST", ["monitoring", "rules"]:
                self.rules.append(body)
                return httpx.Response(200, json=body)
        return refusal(404, "NOT_FOUND")

    def status_of(self, file: FleetFile, index: int) -> str:
        return self.devices[file.devices[index].id]["status"]


def refusal(status: int, reason: str) -> httpx.Response:
    detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "fieldstock"}
    return httpx.Response(status, json={"code": 9, "message": "no", "details": [detail]})


def page(request: httpx.Request, field: str, items: list[dict]) -> httpx.Response:
    """Ten at a time, whatever is asked for: the caller must follow."""
    start = int(request.url.params.get("page_token", "0"))
    more = str(start + 10) if start + 10 < len(items) else ""
    return httpx.Response(200, json={field: items[start : start + 10], "next_page_token": more})


async def moving(clock, work):
    """Runs something while the clock runs faster than any on a wall."""
    task = asyncio.ensure_future(work)
    while not task.done():
        clock.advance(1.0)
        await asyncio.sleep(0)
    return await task


@pytest.fixture
def register():
    return Register()


@pytest.fixture
def connect(register, clock):
    def connect(password: str = "secret") -> Admin:
        transport = httpx.MockTransport(register)
        return Admin("http://server", "admin", password, rng=random.Random(1), clock=clock, transport=transport)

    return connect


@pytest.fixture
async def admin(connect):
    async with connect() as admin:
        yield admin


async def test_a_fleet_is_registered_deployed_and_remembered(admin, register, tmp_path):
    file = FleetFile.load(tmp_path / "home" / "fleet.json")
    await enrol(admin, file, UNITS)
    assert {device["status"] for device in register.devices.values()} == {"deployed"}
    again = FleetFile.load(tmp_path / "home" / "fleet.json")
    assert again == file
    assert len(again.devices) == 45
    for one in UNITS:
        enrolled = again.devices[one.index]
        device = register.devices[enrolled.id]
        assert (device["name"], device["type"], device["location"]) == (one.name, one.kind.type, one.location)
        assert (enrolled.serial_number, enrolled.secret) == (device["serial_number"], f"secret-{enrolled.id}")


async def test_only_its_owner_may_read_the_credentials(admin, tmp_path):
    path = tmp_path / "fleet.json"
    file = FleetFile.load(path)
    await enrol(admin, file, UNITS[:1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [child.name for child in tmp_path.iterdir()] == ["fleet.json"]


async def test_a_second_start_registers_nobody_again(admin, register, tmp_path):
    file = FleetFile.load(tmp_path / "fleet.json")
    await enrol(admin, file, UNITS[:20])
    register.requests.clear()
    await enrol(admin, FleetFile.load(tmp_path / "fleet.json"), UNITS[:20])
    assert {method for method, _ in register.requests} == {"GET"}
    await enrol(admin, file, UNITS[:30])
    assert len(register.devices) == 30


async def test_what_an_operator_took_out_of_the_field_stays_out(admin, register, tmp_path):
    file = FleetFile.load(tmp_path / "fleet.json")
    await enrol(admin, file, UNITS[:4])
    for index, status in enumerate(["in_stock", "maintenance", "retired"]):
        register.devices[file.devices[index].id]["status"] = status
    await enrol(admin, file, UNITS[:4])
    assert [register.status_of(file, index) for index in range(4)] == [
        "in_stock",
        "maintenance",
        "retired",
        "deployed",
    ]


async def test_a_start_that_was_cut_short_between_register_and_deploy_is_finished(admin, register):
    file = FleetFile(None)
    await enrol(admin, file, UNITS[:3])
    register.devices[file.devices[1].id].update(status="in_stock", deploy_date="")
    await enrol(admin, file, UNITS[:3])
    assert register.status_of(file, 1) == "deployed"


async def test_devices_that_a_reset_server_forgot_are_registered_anew(admin, register):
    file = FleetFile(None)
    await enrol(admin, file, UNITS[:3])
    register.devices = {7: {"id": 7, "serial_number": "SOMEBODY-ELSE", "status": "in_stock", "deploy_date": ""}}
    await enrol(admin, file, UNITS[:3])
    assert {device.secret for device in file.devices.values()} == {"secret-2", "secret-3", "secret-4"}
    assert register.devices[7]["status"] == "in_stock"


async def test_a_registration_whose_answer_is_lost_is_made_again_under_another_number(admin, register, clock):
    register.lose_answers_to.add(UNITS[0].name)
    file = FleetFile(None)
    await moving(clock, enrol(admin, file, UNITS[:1]))
    assert file.devices[0].serial_number == f"{file.prefix}0001-1"
    assert register.status_of(file, 0) == "deployed"


async def test_the_rules_are_made_once(admin, register):
    file = FleetFile(None)
    await make_rules(admin, file)
    assert register.rules == list(RULES)
    register.rules.clear()
    await make_rules(admin, file)
    # An operator deleted them, and meant it.
    assert register.rules == []


async def test_rules_that_another_fleet_made_are_not_made_twice(admin, register):
    register.rules = [{"name": f"Rule {n}"} for n in range(15)] + [dict(RULES[1])]
    await make_rules(admin, FleetFile(None))
    assert len(register.rules) == 16


async def test_a_server_that_is_not_up_yet_is_waited_for(admin, register, clock):
    register.trouble = [httpx.ConnectError("refused"), httpx.Response(503, text="no healthy upstream")] * 10
    await moving(clock, make_rules(admin, FleetFile(None)))
    assert len(register.rules) == len(RULES)
    assert register.sign_ins == 1


async def test_a_token_that_ends_is_replaced(admin, register):
    await make_rules(admin, FleetFile(None))
    register.token = "another"
    await enrol(admin, FleetFile(None), UNITS[:1])
    assert register.sign_ins == 2


async def test_a_wrong_password_ends_it_with_the_servers_reason(connect):
    async with connect("guessed") as admin:
        with pytest.raises(Refused, match="401 INVALID_CREDENTIALS"):
            await make_rules(admin, FleetFile(None))


def test_another_programs_file_is_not_overwritten(tmp_path):
    path = tmp_path / "fleet.json"
    path.write_text('{"name": "package.json"}')
    with pytest.raises(ValueError, match="not a fleet's file"):
        FleetFile.load(path)
