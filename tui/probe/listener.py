"""Who listens at the other end, where that is this machine: an ``ssh -L``, a ``kubectl port-forward`` or a stunnel
accepts every connection itself, and what the server behind it does comes through second-hand.
"""

import asyncio
import ipaddress
from typing import Any

import psutil

EVERYWHERE = ("0.0.0.0", "::")


async def listener(remote: tuple[Any, ...] | str) -> str | None:
    """The name of the program that listens at a loopback address.

    None where the address is another machine's or no IP address, where nobody listens any more, and where the OS does
    not tell: another user's program, or any program to other than root on macOS. To find it every process is looked at,
    which takes some milliseconds (8 with 60 processes), so it is done in a thread.

    Args:
        remote: a socket's address, as ``getpeername`` says it.
    """
    if isinstance(remote, str) or not ipaddress.ip_address(remote[0].partition("%")[0]).is_loopback:
        return None
    return await asyncio.to_thread(_listening, remote[0], remote[1])


def _listening(host: str, port: int) -> str | None:
    places = [(where, port) for where in (host, *EVERYWHERE)]
    try:
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and tuple(one.laddr) in places:
                return psutil.Process(one.pid).name() if one.pid else None
    except psutil.Error:
        pass
    return None
