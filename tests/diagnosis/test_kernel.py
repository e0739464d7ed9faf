"""What the kernel's reports say of a path: lossy, only late, dark for a while, or with a smaller packet."""

from typing import Any

import pytest

from tui.diagnosis.kernel import Kernel
from tui.diagnosis.marks import Mark
from tui.facts.facts import TcpInfo

SMALL, LARGE = 40, 9000
"""Bytes of the largest message of ours."""


def report(when: str, m: float = 4.0, **fields: Any) -> TcpInfo:
    known = {
        "outq": 0, "notsent": 0, "unacked": 0, "retrans": 0, "total_retrans": 0, "rtt_ms": 4.0, "last_ack_ms": 0.0,
        "last_data_ms": 0.0, "state": "ESTABLISHED", "segments": 30, "twice": 0,
    }  # fmt: skip
    return TcpInfo(t=m, m=m, n=1, s="A", c=1, when=when, **(known | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "largest", "lossy"),
    [
        ({"total_retrans": 5}, SMALL, True),
        ({"total_retrans": 5, "twice": 4}, SMALL, False),  # they had come, late
        ({"total_retrans": 5, "segments": 400}, SMALL, False),
        ({"total_retrans": 5, "retrans": 4}, SMALL, False),  # one segment, again and again: an outage
        ({"total_retrans": 5}, LARGE, False),  # the first large ones may have been too large for the path
        ({"total_retrans": 5, "segments": None, "twice": None}, SMALL, False),  # an old kernel: one report is too few
    ],
)
def test_what_is_a_lossy_path(fields: dict[str, Any], largest: int, lossy: bool) -> None:
    kernel = Kernel(connected_ms=4.0)
    kernel.reported(report("resent", **fields))
    assert kernel.lossy(largest) is lossy


def test_a_second_report_of_losses_tells_them_from_a_small_packet() -> None:
    kernel = Kernel()
    kernel.reported(report("resent", total_retrans=4))
    kernel.reported(report("resent", m=6.0, total_retrans=7))
    assert kernel.lossy(LARGE)


def test_one_report_while_bytes_flow_makes_no_silence() -> None:
    """A segment on its way again is everyday; only a silence with one is a path that does not carry."""
    kernel = Kernel()
    kernel.went(Mark(1, 3.8), 0.2)
    kernel.reported(report("resent", outq=9, unacked=1, retrans=1, total_retrans=1))
    assert kernel.undelivered is None and kernel.dark is None
    kernel.reported(report("silent", m=5.0, outq=9, unacked=1, retrans=2, total_retrans=2))
    assert kernel.undelivered is not None and kernel.dark is not None
    kernel.came(Mark(2, 5.5))
    assert kernel.undelivered is None and kernel.dark is None
    assert kernel.light == Mark(2, 5.5)


@pytest.mark.parametrize(("connected_ms", "lost"), [(4.0, True), (1078.0, False)])
def test_an_acknowledgement_takes_as_long_as_connecting_did(connected_ms: float, lost: bool) -> None:
    """By satellite a second is no time."""
    kernel = Kernel(connected_ms=connected_ms)
    kernel.went(Mark(1, 3.0), 0.2)
    kernel.reported(report("silent", m=4.0, outq=1, unacked=1, last_ack_ms=1000.0))
    assert (kernel.undelivered is not None) is lost


def test_what_has_grown_since_the_last_report_is_not_read() -> None:
    """Looks that come together with our beats: each finds the beat that left just now."""
    reads, stands = Kernel(), Kernel()
    for m, unread in ((2.0, 7), (4.0, 14)):
        for kernel, left in ((reads, 7), (stands, unread)):
            kernel.went(Mark(1, m), 2.0)
            kernel.reported(report("silent", m=m + 0.01, peer_unread=left))
    assert reads.unread is None and reads.read is None
    assert stands.unread is not None and stands.read is None


def test_what_the_program_has_read_is_what_left_before_the_report() -> None:
    kernel = Kernel()
    kernel.went(Mark(1, 2.0), 1.0)
    kernel.reported(report("silent", m=3.0, peer_unread=0))
    kernel.went(Mark(2, 4.0), 2.0)
    kernel.reported(report("silent", m=4.01, peer_unread=7))
    assert kernel.read is not None and kernel.read_to == 2.0
    kernel.came(Mark(3, 4.5))
    assert kernel.read is None and kernel.unread is None
