"""A name server that answers late, or that it cannot answer: ``python namesd.py ADDRESS NAMES`` on UDP port 53.

NAMES is JSON: what to say of each name, an IPv4 address or null for a failure of its own (SERVFAIL), and under the
key ``delay`` the seconds it takes. Other names are nobody's (NXDOMAIN). It says ``up`` when it listens, and imports
nothing of this project.
"""

import json
import socket
import struct
import sys
import time

_NO_ERROR, _SERVFAIL, _NXDOMAIN = 0, 2, 3
_A = 1


def answer(query: bytes, names: dict[str, str | None]) -> bytes:
    """What is said to a query of one question."""
    labels, place = [], 12
    while length := query[place]:
        labels.append(query[place + 1 : place + 1 + length].decode())
        place += 1 + length
    (kind,) = struct.unpack("!H", query[place + 1 : place + 3])
    question = query[12 : place + 5]
    name = ".".join(labels).lower()
    code = _NXDOMAIN if name not in names else _NO_ERROR if names[name] else _SERVFAIL
    address = names.get(name)
    record = b""
    if address and kind == _A:
        record = b"\xc0\x0c" + struct.pack("!HHIH", _A, 1, 5, 4) + socket.inet_aton(address)
    return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, bool(record), 0, 0) + question + record


def main(address: str, given: str) -> None:
    """Serves until it is killed."""
    names = json.loads(given)
    delay = names.pop("delay", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        sys.stdout.write("up\n")
        sys.stdout.flush()
        while True:
            query, who = server.recvfrom(1500)
            time.sleep(delay)
            server.sendto(answer(query, names), who)


if __name__ == "__main__":
    main(*sys.argv[1:])
