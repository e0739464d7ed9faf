"""The weather on a way: ``python weatherd.py`` in a router's namespace; packets come and go by the device ``weather``.

A line of JSON on stdin says what becomes of them from now on; what is not named does not happen:

    delay, jitter       seconds every packet takes, and up to how many more; those of one direction stay in order
    swap                the share of packets that are held for 50 ms, so that others overtake them
    double              the share that arrives twice
    lose, spoil         the share that is lost, or arrives with a bit wrong
    only                ``up`` or ``down``: only what goes to, or comes from, 10.79.0.0/16 meets the above
    idle                seconds without a packet after which both ends of a TCP flow get a RST
    word                both ends get a RST instead of a packet that holds it

It says ``up`` when its device is there, and imports nothing of this project.
"""

import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time
from typing import Any

_TUN, _NO_HEADER, _SET = 0x0001, 0x1000, 0x400454CA
_FIN_OR_RST = 0x05


def checksum(data: bytes) -> int:
    """That of RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def reset(source: bytes, target: bytes, ports: bytes, sequence: int, acknowledged: int) -> bytes:
    """A RST packet; ``ports`` are those of its sender and its receiver."""
    tcp = ports + struct.pack("!IIBBHHH", sequence, acknowledged, 0x50, 0x14, 0, 0, 0)
    summed = checksum(source + target + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", summed) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + source + target
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


class Way:
    """The device, what is on its way, and the flows seen."""

    def __init__(self) -> None:
        self.device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.device, _SET, struct.pack("16sH", b"weather", _TUN | _NO_HEADER))
        subprocess.run(["ip", "link", "set", "weather", "up"], check=True)
        self.weather: dict[str, Any] = {}
        self.due: list[tuple[float, int, bytes]] = []
        self.count = 0
        self.last = {True: 0.0, False: 0.0}
        self.flows: dict[tuple[bytes, bytes, bytes], tuple[float, int, int]] = {}

    def send(self, packet: bytes, moment: float) -> None:
        """Has it arrive at that moment."""
        self.count += 1
        heapq.heappush(self.due, (moment, self.count, packet))

    def meet(self, packet: bytes, now: float) -> None:
        """What the weather does to a packet."""
        up = packet[16:18] == b"\x0a\x4f"
        if packet[0] == 0x45 and packet[9] == 6 and not self.flow(packet, now):
            return
        weather = self.weather
        if weather.get("only") not in (None, "up" if up else "down"):
            weather = {}
        if random.random() < weather.get("lose", 0):
            return
        if random.random() < weather.get("spoil", 0):
            place = len(packet) - 1 - random.randrange(min(12, len(packet) - 20))
            packet = packet[:place] + bytes([packet[place] ^ 0x10]) + packet[place + 1 :]
        moment = now + weather.get("delay", 0) + random.random() * weather.get("jitter", 0)
        moment = self.last[up] = max(moment, self.last[up])
        if random.random() < weather.get("swap", 0):
            moment += 0.05
        self.send(packet, moment)
        if random.random() < weather.get("double", 0):
            self.send(packet, moment)

    def flow(self, packet: bytes, now: float) -> bool:
        """Takes note of a TCP packet; whether it may pass."""
        key = (packet[12:16], packet[16:20], packet[20:24])
        tcp = packet[20:]
        sequence, acknowledged, offset, flags = struct.unpack("!IIBB", tcp[4:14])
        data = tcp[(offset >> 4) * 4 :]
        if flags & _FIN_OR_RST:
            self.flows.pop(key, None)
            self.flows.pop(self.back(key), None)
            return True
        word = self.weather.get("word")
        self.flows[key] = (now, (sequence + len(data)) & 0xFFFFFFFF, acknowledged)
        if word and word.encode() in data:
            self.flows[key] = (now, sequence, acknowledged)
            self.cut(key, now)
            return False
        return True

    @staticmethod
    def back(key: tuple[bytes, bytes, bytes]) -> tuple[bytes, bytes, bytes]:
        """The other direction."""
        return key[1], key[0], key[2][2:] + key[2][:2]

    def cut(self, key: tuple[bytes, bytes, bytes], now: float) -> None:
        """A RST for both ends of a flow: each is given the number it waits for, which it has acknowledged."""
        back = self.back(key)
        for one, other in ((key, back), (back, key)):
            _, sequence, acknowledged = self.flows.get(other, (0, 0, 0))
            if one in self.flows or other in self.flows:
                self.send(reset(*one, acknowledged or self.flows[one][1], sequence), now)
        self.flows.pop(key, None)
        self.flows.pop(back, None)

    def cut_the_idle(self, now: float) -> None:
        """Ends the flows nobody has said anything on."""
        for key, (seen, _, _) in list(self.flows.items()):
            if (
                key in self.flows
                and now - max(seen, self.flows.get(self.back(key), (0, 0, 0))[0]) > self.weather["idle"]
            ):
                self.cut(key, now)

    def run(self) -> None:
        """Until stdin ends."""
        while True:
            now = time.monotonic()
            while self.due and self.due[0][0] <= now:
                os.write(self.device, heapq.heappop(self.due)[2])
            wait = min(0.05, self.due[0][0] - now) if self.due else 0.05
            ready, _, _ = select.select([self.device, 0], [], [], max(wait, 0))
            now = time.monotonic()
            if self.device in ready:
                self.meet(os.read(self.device, 65536), now)
            if 0 in ready:
                lines = os.read(0, 65536).splitlines()
                if not lines:
                    return
                self.weather = json.loads(lines[-1])
            if "idle" in self.weather:
                self.cut_the_idle(now)


if __name__ == "__main__":
    way = Way()
    sys.stdout.write("up\n")
    sys.stdout.flush()
    way.run()
