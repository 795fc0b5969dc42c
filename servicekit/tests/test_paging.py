"""Page tokens: opaque, and bound to their question."""

import pytest

from fieldstock.inventory.v1.device_service_pb2 import ListDevicesRequest, ListInStockDevicesRequest
from servicekit.errors import InvalidField
from servicekit.paging import ID, MILLISECONDS, TEXT, InvalidPageToken, read_page


@pytest.mark.parametrize(("asked", "given"), [(0, 50), (1, 1), (500, 500), (501, 500), (2**31 - 1, 500)])
def test_a_page_size_is_bounded(asked, given):
    assert read_page(ListDevicesRequest(page_size=asked), ID).size == given


def test_a_negative_page_size_is_refused():
    with pytest.raises(InvalidField, match="page_size must not be negative"):
        read_page(ListDevicesRequest(page_size=-1), ID)


def test_a_token_leads_on_from_where_the_page_before_ended():
    first = read_page(ListDevicesRequest(status="deployed"), ID, TEXT)
    assert first.after is None
    again = read_page(ListDevicesRequest(status="deployed", page_token=first.token([7, "é"]), page_size=3), ID, TEXT)
    assert again.after == (7, "é")


@pytest.mark.parametrize(
    "token", ["x", "é", "=", "W10", "bnVsbA", "e30", "W251bGxd", "a" * 10_000, "WyJ4IiwgdHJ1ZV0", "W1tb" * 10_000]
)
def test_what_is_no_token_of_ours_is_refused(token):
    with pytest.raises(InvalidPageToken):
        read_page(ListDevicesRequest(page_token=token), ID)


def test_a_token_of_another_question_or_shape_is_refused():
    token = read_page(ListDevicesRequest(status="deployed"), ID).token([7])
    for request, shape in (
        (ListDevicesRequest(page_token=token), ID),
        (ListDevicesRequest(page_token=token, status="deployed"), str),
        (ListInStockDevicesRequest(page_token=token), ID),
    ):
        with pytest.raises(InvalidPageToken):
            read_page(request, shape)


@pytest.mark.parametrize(
    ("position", "part"), [(-1, ID), (2**31, ID), (10**400, ID), (True, ID), (10**15, MILLISECONDS), (1, TEXT)]
)
def test_a_position_that_no_row_can_have_is_refused(position, part):
    token = read_page(ListDevicesRequest(), part).token([position])
    with pytest.raises(InvalidPageToken):
        read_page(ListDevicesRequest(page_token=token), part)
