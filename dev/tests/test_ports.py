import socket
from pathlib import Path

import pytest

from fieldstock_dev.errors import PortInUse
from fieldstock_dev.ports import LOOPBACK, Ports, is_free


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ports.json"


def test_every_name_gets_a_free_port_of_its_own(file: Path) -> None:
    ports = Ports(file)
    ports.settle(["postgres", "mongodb", "rabbitmq"])
    numbers = {ports["postgres"], ports["mongodb"], ports["rabbitmq"]}
    assert len(numbers) == 3
    assert all(is_free(number) for number in numbers)


def test_ports_stay_the_same_from_start_to_start(file: Path) -> None:
    before = Ports(file)
    before.settle(["postgres"])
    after = Ports(file)
    after.settle(["postgres", "mongodb"])
    assert after["postgres"] == before["postgres"]


def test_a_port_that_somebody_else_took_is_picked_again(file: Path) -> None:
    ports = Ports(file)
    ports.settle(["postgres"])
    taken = ports["postgres"]
    with socket.create_server((LOOPBACK, taken)):
        ports.settle(["postgres"])
    assert ports["postgres"] != taken


def test_a_port_on_which_our_own_server_listens_is_kept(file: Path) -> None:
    ports = Ports(file)
    ports.settle(["postgres"])
    ours = ports["postgres"]
    with socket.create_server((LOOPBACK, ours)):
        ports.settle(["postgres"], running=["postgres"])
    assert ports["postgres"] == ours


def test_a_fixed_port_in_use_is_refused_by_number(file: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as stranger:
        number = stranger.getsockname()[1]
        with pytest.raises(PortInUse, match=f"Port {number} on {LOOPBACK} is in use"):
            Ports(file).settle(["envoy"], fixed={"envoy": (number, LOOPBACK)})


def test_a_new_fixed_port_is_checked_though_the_server_runs_on_its_old_one(file: Path) -> None:
    ports = Ports(file)
    ports.settle(["envoy"])
    with socket.create_server((LOOPBACK, 0)) as stranger:
        number = stranger.getsockname()[1]
        with pytest.raises(PortInUse):
            ports.settle(["envoy"], running=["envoy"], fixed={"envoy": (number, LOOPBACK)})
