import os

import pytest


@pytest.fixture(autouse=True)
def no_settings_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what the developer has set nor what other tests were given."""
    for name in os.environ:
        if name.startswith("FIELDSTOCK_"):
            monkeypatch.delenv(name)
