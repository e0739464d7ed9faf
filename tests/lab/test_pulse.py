"""Beats and grace against a clock of the test's own."""

import math

from tui.lab.pulse import Pulse
from tui.protocols.heartbeat import Agreed


def test_ours_beat_at_a_fixed_cadence() -> None:
    pulse = Pulse(Agreed(0, 2000), 3, 100)
    assert pulse.next_deadline == 102
    assert not pulse.beat_due(101.999)
    assert pulse.beat_due(102)
    assert pulse.next_deadline == 104


def test_a_stall_is_made_up_for_by_one_beat_and_the_cadence_stays() -> None:
    pulse = Pulse(Agreed(0, 2000), 3, 100)
    assert pulse.beat_due(107.5)
    assert not pulse.beat_due(107.5)
    assert pulse.next_deadline == 108


def test_grace_counts_from_the_last_thing_heard() -> None:
    pulse = Pulse(Agreed(2000, 0), 3, 100)
    assert pulse.silent_at == 106
    pulse.heard(103)
    assert pulse.silent_at == pulse.next_deadline == 109


def test_no_grace_and_no_beats_ask_for_nothing() -> None:
    assert Pulse(Agreed(2000, 0), 0, 100).next_deadline == math.inf
    assert Pulse(Agreed(0, 0), 3, 100).next_deadline == math.inf
