"""What every test shares: the choice between tests that need nothing and tests that need real servers.

``pytest`` runs everything but the tests marked ``real``; ``pytest --real`` runs those, and there an absent
server is a failure. A test marked ``alone`` runs while no other does, whoever runs them. ``--record-scenarios
DIRECTORY`` writes what the real runs said there, such as ``tests/scenarios``, and ``--takes N`` stages what varies
(``tests/servers/takes.py``) N times, with the cases marked ``extra`` too.
"""

from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import serving
from tests.alone import inside
from tests.servers.takes import Take

settings.register_profile("whoops", deadline=None)  # no test is timed
settings.load_profile("whoops")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this project's tests."""
    parser.addoption("--real", action="store_true", help="run the tests against real servers, and only those")
    parser.addoption("--record-scenarios", type=Path, metavar="DIRECTORY", help="write the runs there")
    parser.addoption("--takes", type=int, default=1, metavar="N", help="stage what varies N times")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a ``take`` runs once for each."""
    if "take" in metafunc.fixturenames:
        numbers = range(1, metafunc.config.getoption("--takes") + 1)
        metafunc.parametrize("take", [Take(number) for number in numbers], ids=[f"take{number}" for number in numbers])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what this run is not about (nothing is skipped: it is not part of the run), and puts last what runs
    alone, so that workers wait for each other once."""
    real, extra = config.getoption("--real"), config.getoption("--takes") > 1

    def chosen(item: pytest.Item) -> bool:
        return (item.get_closest_marker("real") is not None) == real and (
            extra or item.get_closest_marker("extra") is None
        )

    config.hook.pytest_deselected(items=[item for item in items if not chosen(item)])
    items[:] = sorted(filter(chosen, items), key=_alone)


def _alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keeps the machine free for a test marked ``alone``; the wait is none of its time (``pytest-timeout``)."""
    with inside(alone=_alone(item)):
        return (yield)


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
