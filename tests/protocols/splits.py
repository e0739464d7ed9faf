"""One stream, cut anywhere: what a decoder says must not depend on how the bytes arrived."""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

from hypothesis import strategies as st

Event = TypeVar("Event")


EDGES = st.lists(st.integers(0, 1 << 16), max_size=12)
"""Where to cut, of whatever length the stream is: what is drawn must not depend on it."""


@st.composite
def cut(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """``stream`` in pieces, in order, none empty."""
    at = sorted({edge % max(1, len(stream)) for edge in draw(EDGES)})
    edges = [0, *(edge for edge in at if edge), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges) if start < end]


def fed(feed: Callable[[bytes], list[Event]], pieces: list[bytes]) -> list[Event]:
    """Everything that came out, piece by piece."""
    return [event for piece in pieces for event in feed(piece)]
