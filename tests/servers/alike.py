"""Parameters whose test finds what the others find: it runs only where recordings are wanted (``--takes`` above 1)."""

import pytest


def alike(*values: object) -> object:
    """The values of one such test."""
    return pytest.param(*values, marks=pytest.mark.extra)
