"""What the kernel's reports (``tcp_info``) say of our bytes: on their way, stuck, or queued behind a slow link."""

from tui.facts import facts

FIN_SENT = ("FIN_WAIT1", "CLOSING", "LAST_ACK")
"""TCP's states with a FIN of ours on its way (RFC 9293 §3.3.2)."""

UNACKED_MS = 900.0
"""Our bytes are out for longer than any delayed acknowledgement takes (RFC 9293 §3.8.6.3: under 500 ms)."""

QUEUED, QUEUED_RTT_MS = 2048, 250.0
"""Bytes unacknowledged, and a smoothed round trip (RFC 6298), from which a link is called slow."""


def waiting(info: facts.TcpInfo) -> int:
    """Bytes of ours that the peer's kernel has not acknowledged. A FIN of ours, which it counts as one, is none."""
    return (info.outq or 0) - (info.state in FIN_SENT)


def stuck(info: facts.TcpInfo, since_m: float | None) -> bool:
    """Whether our bytes do not arrive: sent again, or out for long.

    Args:
        info: a report.
        since_m: when the first of our bytes left after which nothing came in, monotonic seconds.
    """
    if not waiting(info):
        return False
    out_ms = (info.m - since_m) * 1000 if since_m is not None else 0.0
    return info.retrans > 0 or (info.unacked > 0 and info.last_ack_ms >= out_ms - 50 > UNACKED_MS)


def queued(info: facts.TcpInfo, connected_ms: float) -> bool:
    """Whether our bytes lie in queues on the way: the round trip is many times that of the handshake, and
    acknowledgements still come.

    Args:
        info: a report.
        connected_ms: how long TCP's handshake took, ms.
    """
    return (
        waiting(info) >= QUEUED and not info.retrans
        and delayed(info, connected_ms) and (info.last_ack_ms or 0) < QUEUED_RTT_MS
    )  # fmt: skip


def delayed(info: facts.TcpInfo, connected_ms: float) -> bool:
    """Whether the round trip has grown to many times that of the handshake: what is sent again may only be late.

    Args:
        info: a report.
        connected_ms: how long TCP's handshake took, ms.
    """
    return (info.rtt_ms or 0) > max(QUEUED_RTT_MS, 20 * connected_ms)
