"""Takes: a fault that is staged more than once, each time with other numbers, so that no rule learns one of them."""

from random import Random
from typing import TypeVar

import pytest

Choice = TypeVar("Choice")


class Take:
    """One take of a test: the numbers it is staged with, the same whenever it is staged again.

    Args:
        number: from 1; the tests that are not asked for more stage the first.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._random = Random(number)

    def between(self, low: float, high: float) -> float:
        """A number of at least ``low`` and at most ``high``, to a tenth."""
        return round(self._random.uniform(low, high), 1)

    def one_of(self, *choices: Choice) -> Choice:
        """One of the choices."""
        return self._random.choice(choices)

    def of(self, scenario: str) -> str:
        """The name this take of a scenario is kept by: ``nginx-idle``, ``nginx-idle.2``."""
        return scenario if self._number == 1 else f"{scenario}.{self._number}"


def extra(*values: object) -> object:
    """One more case of a parametrised test: it is worth a recording, but not the time of every run."""
    return pytest.param(*values, marks=pytest.mark.extra)
