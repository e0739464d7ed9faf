"""What the kernel knows of a connection: Linux's TCP_INFO and queue lengths, and the route from here.

It tells a silent peer (everything acknowledged) from a dead path (segments in flight, retransmissions), without a
capture and without root.
"""

import fcntl
import socket
import struct
import sys
from typing import Any

from tui.probe import errnos

_SIOCOUTQ = 0x5411  # linux/sockios.h: bytes in the send queue, unacknowledged ones included
_SIOCOUTQNSD = 0x894B  # bytes in the send queue that were never sent

_STATES = (
    "", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
    "LAST_ACK", "LISTEN", "CLOSING",
)  # fmt: skip

# struct tcp_info of linux/tcp.h, its stable beginning: 8 bytes, then 24 32-bit numbers.
_INFO = struct.Struct("8B24I")
_FIELDS = (
    "rto", "ato", "snd_mss", "rcv_mss", "unacked", "sacked", "lost", "retrans", "fackets", "last_data_sent",
    "last_ack_sent", "last_data_recv", "last_ack_recv", "pmtu", "rcv_ssthresh", "rtt", "rttvar", "snd_ssthresh",
    "snd_cwnd", "advmss", "reordering", "rcv_rtt", "rcv_space", "total_retrans",
)  # fmt: skip

# Of the same struct: tcpi_data_segs_out, and since Linux 5.4 tcpi_dsack_dups and tcpi_rcv_ooopack.
_COUNTED = struct.Struct("156xI56xI4xI")
_ASKED_FOR = 256  # bytes: the kernel gives as much of the struct as it has


def tcp_info(sock: socket.socket) -> dict[str, Any] | None:
    """The fields of a ``tcp_info`` fact, or None where the OS does not tell."""
    if sys.platform != "linux":
        return None
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ASKED_FOR)
    except OSError:
        return None
    if len(raw) < _INFO.size:
        return None
    values = _INFO.unpack_from(raw)
    info = dict(zip(_FIELDS, values[8:], strict=True))
    segments, twice, out_of_order = _COUNTED.unpack_from(raw) if len(raw) >= _COUNTED.size else (None, None, None)
    return {
        "outq": _queue(sock, _SIOCOUTQ),
        "notsent": _queue(sock, _SIOCOUTQNSD),
        "unacked": info["unacked"],
        "sacked": info["sacked"],
        "retrans": values[2],
        "total_retrans": info["total_retrans"],
        "rtt_ms": info["rtt"] / 1000,
        "rtt_in_ms": info["rcv_rtt"] / 1000,
        "last_ack_ms": float(info["last_ack_recv"]),
        "last_data_ms": float(info["last_data_recv"]),
        "out_of_order": out_of_order,
        "segments": segments,
        "twice": twice,
        "state": _STATES[values[0]] if values[0] < len(_STATES) else str(values[0]),
    }


def _queue(sock: socket.socket, request: int) -> int | None:
    try:
        return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), request, bytes(4)))[0])
    except OSError:
        return None


# linux/sock_diag.h, linux/inet_diag.h: struct nlmsghdr with struct inet_diag_req_v2 asks for one socket by its places;
# struct inet_diag_msg answers.
_NETLINK_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_ASK = struct.Struct("=IHHII BBBxI 2s2s16s16s4xII")
_ANSWER = struct.Struct("=4xH10x xB2x48x 4xI")
_NO_COOKIE, _EVERY_STATE = 0xFFFFFFFF, 0xFFFFFFFF
_OPEN = (_STATES.index("ESTABLISHED"), _STATES.index("CLOSE_WAIT"))


def unread_there(sock: socket.socket) -> int | None:
    """Bytes of ours that the program at the other end has not read: the receive queue of its socket, as sock_diag(7)
    tells it. None where the other end is not this machine, has no socket any more, or the OS does not tell. It takes
    0.02 ms (reading /proc/net/tcp 8: measured)."""
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return None
    try:
        near, far = sock.getsockname(), sock.getpeername()
        family = socket.AF_INET6 if ":" in far[0] else socket.AF_INET
        request = _ASK.pack(
            _ASK.size, _BY_FAMILY, _REQUEST, 0, 0, family, socket.IPPROTO_TCP, 0, _EVERY_STATE,
            far[1].to_bytes(2), near[1].to_bytes(2), _packed(family, far), _packed(family, near), _NO_COOKIE,
            _NO_COOKIE,
        )  # fmt: skip
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.setblocking(False)
            kernel.send(request)
            answer = kernel.recv(4096)
    except OSError:
        return None
    if len(answer) < _ANSWER.size:
        return None
    kind, state, queue = _ANSWER.unpack_from(answer)
    return int(queue) if kind == _BY_FAMILY and state in _OPEN else None


def _packed(family: int, address: tuple[Any, ...]) -> bytes:
    return socket.inet_pton(family, address[0].partition("%")[0])


def route(remote: tuple[Any, ...], family: int) -> dict[str, Any] | None:
    """The fields of a ``route`` fact: the address this machine would send from to ``remote`` now, or why it has no way
    there. None where nothing is routed. Nothing is sent: a UDP socket is only connected."""
    if family == socket.AF_UNIX:
        return None
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(remote)
            return {"remote": str(remote[0]), "local": str(probe.getsockname()[0])}
    except OSError as error:
        return {"remote": str(remote[0]), "local": None, "error": errnos.name(error)}
