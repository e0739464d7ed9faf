"""What every test shares: the choice between tests that need nothing and tests that need real servers.

``pytest`` runs everything but the tests marked ``real``; ``pytest --real`` runs those, and there an absent
server is a failure. ``--record-scenarios`` writes what the real runs said into ``tests/scenarios/``.
"""

from collections.abc import AsyncIterator

import pytest

from tests import serving


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this project's tests."""
    parser.addoption("--real", action="store_true", help="run the tests against real servers, and only those")
    parser.addoption("--record-scenarios", action="store_true", help="write the runs into tests/scenarios/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what this run is not about. Nothing is skipped: it is not part of the run."""
    wanted = config.getoption("--real")
    chosen = [item for item in items if (item.get_closest_marker("real") is not None) == wanted]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


@pytest.fixture
async def echo() -> AsyncIterator[str]:
    """The ``ws:`` URL of a server that says back every message."""
    async with serving.serving(serving.echo) as url:
        yield url


@pytest.fixture
async def broker() -> AsyncIterator[str]:
    """The ``stomp+ws:`` URL of a patient broker that beats every second."""
    async with serving.brokering() as url:
        yield url
