"""What the kernel knows of a connection: Linux's TCP_INFO and queue lengths, and the route from here.

It tells a silent peer (everything acknowledged) from a dead path (segments in flight, retransmissions), without a
capture and without root.
"""

import fcntl
import ipaddress
import socket
import struct
import sys
from pathlib import Path
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


_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_OPEN = ("01", "08")  # ESTABLISHED, CLOSE_WAIT (net/tcp_states.h)


def unread_there(sock: socket.socket) -> int | None:
    """Bytes of ours that the program at the other end has not read, by the queue of its socket (proc(5),
    /proc/net/tcp: ``rx_queue``); None where the other end is not this machine, or has no socket any more. It takes
    0.2 ms with a hundred sockets."""
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return None
    try:
        near, far = _place(sock.getsockname()), _place(sock.getpeername())
        rows = [line.split(maxsplit=5) for table in _TABLES for line in table.read_text().splitlines()[1:]]
    except OSError:
        return None
    ends = [row for row in rows if row[1].endswith(far) and row[2].endswith(near) and row[3] in _OPEN]
    return int(ends[0][4].partition(":")[2], 16) if ends else None


def _place(address: tuple[Any, ...]) -> str:
    """How an address ends in those tables: the last 32 bits as the machine's own number, and the port."""
    packed = ipaddress.ip_address(address[0].partition("%")[0]).packed
    return f"{int.from_bytes(packed[-4:], sys.byteorder):08X}:{address[1]:04X}"


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
