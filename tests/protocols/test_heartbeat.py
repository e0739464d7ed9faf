"""Heart-beat arithmetic, with STOMP 1.2's rule spelled out again and stomp.py as oracles."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

os.environ["STOMP_SKIP_HOSTNAME_SCAN"] = "1"

from stomp.utils import calculate_heartbeats

from tui.protocols.heartbeat import Pair, negotiate, parse_pair

MS = st.one_of(st.just(0), st.integers(1, 10**6))

WORKED = [
    ((25000, 25000), (10000, 10000), 25000, 25000),
    ((10000, 10000), (0, 0), 0, 0),
    ((0, 0), (10000, 10000), 0, 0),
    ((20000, 0), (0, 20000), 20000, 0),
    ((0, 5000), (5000, 0), 0, 5000),
    ((1500, 1500), (1000, 1000), 1500, 1500),
    ((5000, 5000), (5000, 5000), 5000, 5000),
    ((0, 7000), (7000, 30000), 0, 7000),
    ((10000, 10000), (10000, 10000), 10000, 10000),
    ((10000, 20000), (15000, 0), 0, 20000),
]
"""CONNECT's pair, CONNECTED's pair, client to server, server to client: what real brokers answer."""


@pytest.mark.parametrize(("client", "server", "out", "in_"), WORKED)
def test_worked_examples(client: tuple[int, int], server: tuple[int, int], out: int, in_: int) -> None:
    assert negotiate(Pair(*client), Pair(*server)) == (out, in_)


@given(MS, MS, MS, MS)
def test_the_rule_of_the_specification(cx: int, cy: int, sx: int, sy: int) -> None:
    """STOMP 1.2, "Heart-beating": if <cx> is 0 or <sy> is 0 there will be none, otherwise every MAX(<cx>,<sy>)."""
    agreed = negotiate(Pair(cx, cy), Pair(sx, sy))
    assert agreed.out == (0 if cx == 0 or sy == 0 else max(cx, sy))
    assert agreed.in_ == (0 if sx == 0 or cy == 0 else max(sx, cy))


@given(MS, MS, MS, MS)
def test_stomp_py_agrees(cx: int, cy: int, sx: int, sy: int) -> None:
    assert negotiate(Pair(cx, cy), Pair(sx, sy)) == calculate_heartbeats((str(sx), str(sy)), (cx, cy))


@pytest.mark.parametrize(
    ("text", "pair"), [("0,0", (0, 0)), ("25000,10000", (25000, 10000)), (" 1 , 2 ", (1, 2)), ("007,1", (7, 1))]
)
def test_pairs(text: str, pair: tuple[int, int]) -> None:
    assert parse_pair(text) == pair


@pytest.mark.parametrize("text", ["", "1", "1,", ",1", "a,b", "1,2,3", "-1,2", "1.5,2", "1;2", "9" * 30 + ",1"])
def test_what_is_no_pair(text: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_pair(text)
    assert raised.value.args == (text,)


@given(st.text())
def test_any_text_is_a_pair_or_none(text: str) -> None:
    try:
        pair = parse_pair(text)
    except ValueError:
        return
    assert min(pair) >= 0
