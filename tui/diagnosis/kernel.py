"""What the kernel's reports (``tcp_info``) say of our bytes: on their way, stuck, queued on a slow link, or lost."""

from dataclasses import dataclass

from tui.diagnosis.marks import Mark
from tui.facts.facts import TcpInfo

FIN_SENT = ("FIN_WAIT1", "CLOSING", "LAST_ACK")
"""TCP's states with a FIN of ours on its way (RFC 9293 §3.3.2)."""

UNACKED_MS = 900.0
"""Our bytes are out for a round trip and longer than any delayed acknowledgement takes (RFC 9293 §3.8.6.3: under
500 ms)."""

QUEUED, QUEUED_RTT_MS = 2048, 250.0
"""Bytes unacknowledged, and a smoothed round trip (RFC 6298), from which a link is called slow."""

SETTLED_S = 0.2
"""Seconds after our last bytes from which a report that nothing waits says that the peer's kernel has them."""


FULL_FOR_S = 8.0
"""Seconds before and after a report of a queue for which it holds."""

SCATTERED, LOSSY = 3, 0.1
"""Segments lost one by one, and their share of all that left, from which a path is lossy."""

FULL_SEGMENT = 1200
"""Bytes of a message that no longer fits a packet of every path (IPv6 guarantees 1280)."""


@dataclass(eq=False)
class Kernel:
    """The reports of one connection beside what came and went on it.

    Args:
        connected_ms: how long TCP's handshake took, ms; 0 while that is not known.
    """

    connected_ms: float = 0.0
    newest: TcpInfo | None = None
    """The last report."""
    last: TcpInfo | None = None
    """The last taken in a silence or at the end: one taken while bytes flow says nothing of whether they arrive."""
    silent: TcpInfo | None = None
    """The last taken in a silence."""
    slow: TcpInfo | None = None
    """The last with bytes of ours queued behind a link whose round trip has grown: they arrive, slowly."""
    worst: TcpInfo | None = None
    """The last with our bytes unacknowledged and sent again."""
    stuck: TcpInfo | None = None
    """The last that our bytes do not arrive."""
    light: Mark | None = None
    """The first that came in after it."""
    quiet: TcpInfo | None = None
    """The first since something came in last."""
    hole: TcpInfo | None = None
    """A later one: more has come since, but not the bytes before it, so nothing of it can be read."""
    strays_heard: int = 0
    """Segments that had come out of order by the last report before something came in last."""
    lossy_looks: int = 0
    """Reports that told of bytes sent again since the one before: one alone may be a burst, or a path's MTU found."""
    backed_off: int = 0
    """The most often that one segment had been sent again: of an outage it is nearly all that was sent again."""
    losses_survived: int = 0
    """Segments that had been sent again before something came in once more."""
    unread: TcpInfo | None = None
    """The report that the program at the other end has not read what we had said since something came in last."""
    read: TcpInfo | None = None
    """The report that it has read all."""
    read_to: float = 0.0
    """When the last of those bytes left, monotonic seconds."""
    _unread_before: int = 0
    unacked_since: Mark | None = None
    """The first of our bytes after which nothing came in."""
    silence_before_unacked_s: float = 0.0
    """The silence both ways that they ended."""
    _full_first: TcpInfo | None = None
    _full_last: TcpInfo | None = None
    _in: Mark | None = None
    _out: Mark | None = None

    def reported(self, fact: TcpInfo) -> None:
        """The kernel was asked."""
        if fact.total_retrans > (self.newest.total_retrans if self.newest is not None else 0):
            self.lossy_looks += 1
        self.newest = fact
        self.backed_off = max(self.backed_off, fact.retrans)
        if fact.when == "resent":
            return
        self.last = fact
        self.quiet = self.quiet or fact
        if (fact.out_of_order or 0) > (self.quiet.out_of_order or 0):
            self.hole = fact
        if fact.outq == 0 and not fact.unacked:
            self.unacked_since = None
        if fact.when == "silent":
            self.silent = fact
        self._reading(fact)
        if self.undelivered is not None:
            self.stuck, self.light = fact, None
        if _queued(fact, self.connected_ms):
            self.slow = fact
        if self.slow is fact or self.narrow_in is fact:
            self._full_first, self._full_last = self._full_first or fact, fact
        if (fact.outq or 0) > 0 and fact.retrans > 0:
            self.worst = fact

    def _reading(self, fact: TcpInfo) -> None:
        """What left a moment ago may be unread yet; what has grown since the last report is not read."""
        unread, out = fact.peer_unread, self._out
        if unread is None or out is None or (self._in is not None and self._in.m >= out.m):
            return
        settled = out.m + SETTLED_S <= fact.m
        if settled and not unread:
            self.read, self.read_to, self.unread = fact, out.m, None
        elif unread and (settled or unread > self._unread_before > 0):
            self.read, self.unread = None, fact
        self._unread_before = unread

    def lossy(self, largest: int) -> bool:
        """Whether the path loses segments of ours, not once but here and there.

        Args:
            largest: payload bytes of our largest message: the first large ones may have been lost to a path's MTU.
        """
        info = self.newest
        if info is None or self.lost < SCATTERED:
            return False
        if info.segments is None or info.twice is None:
            if info.total_retrans < 5 or delayed(info, self.connected_ms):
                return False
        elif self.lost < LOSSY * info.segments:
            return False
        return self.lossy_looks > 1 or self.worst is not None or (info.twice is not None and largest < FULL_SEGMENT)

    def came(self, mark: Mark) -> None:
        """Bytes came in."""
        if self.stuck is not None and self.light is None:
            self.light = mark
        if self.newest is not None:
            self.losses_survived = max(self.losses_survived, self.newest.total_retrans)
            self.strays_heard = self.newest.out_of_order or 0
        self._in = mark
        self.quiet = self.hole = self.unacked_since = self.unread = self.read = None
        self._unread_before = 0

    def went(self, mark: Mark, idle_s: float) -> None:
        """Bytes of ours left, after a silence both ways of so many seconds."""
        if self.unacked_since is None:
            self.unacked_since, self.silence_before_unacked_s = mark, idle_s
        self._out = mark

    @property
    def lost(self) -> int:
        """Segments of ours that were lost here and there: those sent again, less what came twice and one outage."""
        info = self.newest
        return info.total_retrans - (info.twice or 0) - self.backed_off if info is not None else 0

    @property
    def stray(self) -> int:
        """Segments that came out of order between the last report and the first of this silence, in which all that we
        said was acknowledged."""
        quiet = self.quiet
        if quiet is None or self.last is None or self.last.outq or self.last.unacked:
            return 0
        return max(0, (quiet.out_of_order or 0) - self.strays_heard)

    @property
    def narrow_in(self) -> TcpInfo | None:
        """The report that what comes waits in a queue on the way: the round trip by it is many times that of the
        handshake (25 ms where packets swap, 300 to 2500 where 30 kB/s were let through: measured)."""
        slow = self.last is not None and (self.last.rtt_in_ms or 0) > max(QUEUED_RTT_MS, 20 * self.connected_ms)
        return self.last if slow else None

    def fills_the_way(self, m: float) -> TcpInfo | None:
        """The first report that what this connection carries waits in a queue on the way, out or in; None where no
        such report was taken about that moment, monotonic seconds."""
        first, last = self._full_first, self._full_last
        near = first is not None and last is not None and first.m - FULL_FOR_S < m < last.m + FULL_FOR_S
        return first if near else None

    @property
    def asked_since(self) -> bool:
        """A report was taken since something came in last."""
        return self.last is not None and not self._old(self.last)

    @property
    def undelivered(self) -> TcpInfo | None:
        """The report that our bytes do not arrive: sent again, or out for long. Whatever came in after it makes it old
        news."""
        info, since = self.last, self.unacked_since
        if info is None or self._old(info):
            return None
        return info if stuck(info, since.m if since is not None else None, self.connected_ms) else None

    @property
    def dark(self) -> TcpInfo | None:
        """The report of bytes of ours sent again after which nothing came in any more."""
        return self.worst if self.worst is not None and not self._old(self.worst) else None

    @property
    def delivered(self) -> TcpInfo | None:
        """The report, taken after our last bytes, that the peer's kernel has them all."""
        info, out = self.last, self._out
        if info is None or info.outq != 0 or info.unacked or out is None or info.m < out.m + SETTLED_S:
            return None
        return info

    @property
    def unheard(self) -> TcpInfo | None:
        """The report of a peer that ended TCP before our first words reached it: none of them was acknowledged, which a
        kernel does before its program can read."""
        info = self.last
        first = info is not None and info.segments == 1 and not info.retrans
        return info if info is not None and first and waiting(info) > 0 else None

    def _old(self, info: TcpInfo) -> bool:
        return self._in is not None and self._in.m > info.m


def waiting(info: TcpInfo) -> int:
    """Bytes of ours that the peer's kernel has not acknowledged. A FIN of ours, which it counts as one, is none."""
    return (info.outq or 0) - (info.state in FIN_SENT)


def stuck(info: TcpInfo, since_m: float | None, connected_ms: float) -> bool:
    """Whether our bytes do not arrive: sent again, or out for long.

    Args:
        info: a report.
        since_m: when the first of our bytes left after which nothing came in, monotonic seconds.
        connected_ms: how long TCP's handshake took, ms: by satellite an acknowledgement takes as long.
    """
    if not waiting(info):
        return False
    out_ms = (info.m - since_m) * 1000 if since_m is not None else 0.0
    return info.retrans > 0 or (info.unacked > 0 and info.last_ack_ms >= out_ms - 50 > UNACKED_MS + connected_ms)


def delayed(info: TcpInfo, connected_ms: float) -> bool:
    """Whether the round trip has grown to many times that of the handshake: what is sent again may only be late.

    Args:
        info: a report.
        connected_ms: how long TCP's handshake took, ms.
    """
    return (info.rtt_ms or 0) > max(QUEUED_RTT_MS, 20 * connected_ms)


def _queued(info: TcpInfo, connected_ms: float) -> bool:
    """Whether our bytes lie in queues on the way: the round trip is many times that of the handshake, and
    acknowledgements still come."""
    return (
        waiting(info) >= QUEUED and not info.retrans
        and delayed(info, connected_ms) and info.last_ack_ms < info.rtt_ms
    )  # fmt: skip
