"""Faults said in a query."""

import pytest

from tui.knowledge.catalogue import phrase
from tui.lab.endings import Close, Fin, Reset
from tui.lab.faults import BadFault, Faults, parse_query


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("", Faults()),
        ("close=1011&reason=no+more&after=3", Faults(3, Close(1011, "no more"))),
        ("reason=%E5%86%8D%E8%A7%81&close=4000", Faults(0, Close(4000, "再见"))),
        ("close", Faults(0, Close(None))),
        ("fin&after=0.5", Faults(0.5, Fin())),
        ("reset", Faults(0, Reset())),
        ("deaf&mute&after=1", Faults(1, deaf=True, mute=True)),
        ("ping=2", Faults(ping=2)),
        ("limit=16384", Faults(limit=16384)),
    ],
)
def test_a_query_is_read(query: str, faults: Faults) -> None:
    assert parse_query(query) == faults


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("explode", "explode: no such fault; there are: after, close, fin, reset, deaf, mute, ping, limit, reason"),
        ("close=1006", "close=1006: no code that may be sent"),
        ("close=abc", "close=abc: no code that may be sent"),
        ("after=soon", "after=soon: seconds are wanted, e.g. after=3"),
        ("after=-1", "after=-1: seconds"),
        ("after=nan", "after=nan: seconds"),
        ("ping=0", "ping=0: seconds"),
        ("limit=-1", "limit=-1: bytes are wanted, e.g. limit=16384"),
        ("limit", "limit=: bytes are wanted"),
        ("fin&reset", "a connection ends in one way only; choose one of: close, fin, reset"),
        ("reason=x", "reason: goes with a close code"),
        ("close&reason=x", "reason: goes with a close code"),
        ("close=1000&reason=" + "x" * 124, "reason: 124 bytes; a Close frame has room for 123"),
    ],
)
def test_a_bad_query_is_refused_in_one_line(query: str, said: str) -> None:
    with pytest.raises(BadFault) as bad:
        parse_query(query)
    line = phrase(bad.value.key, "en", **bad.value.args_)
    assert line.startswith(said)
    assert "\n" not in line
    assert phrase(bad.value.key, "zh", **bad.value.args_) != line
