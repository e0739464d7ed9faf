"""A broker without sockets: its clients, a clock of the test's own, and what each client has been told."""

from collections.abc import Sequence

from tui.lab.broker import Broker, End, Output, Write
from tui.lab.endings import Ending
from tui.lab.policy import Policy
from tui.protocols.stomp import Beat, StompDecoder, StompFrame

CONNECT = "CONNECT\naccept-version:1.0,1.1,1.2\nhost:ignored\nheart-beat:2000,2000\n\n\0"
EPOCH = 1_700_000_000.0
"""The wall clock where the broker's own is 0."""


class Wire:
    """One broker, a clock, and what each client has been told."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.m = 100.0
        self.broker = Broker(policy, epoch=EPOCH)
        self.clients: list[Client] = []

    def client(self, connect: str | None = CONNECT) -> "Client":
        client = Client(self)
        self.clients.append(client)
        if connect is not None:
            client.says(connect)
        return client

    def deliver(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            client = next(client for client in self.clients if client.connection is output.to)
            if isinstance(output, Write):
                assert client.ending is None, "nothing is written after the end"
                client.got += client.decoder.feed(output.data)
            else:
                assert isinstance(output, End)
                client.ending = output.ending

    def loses(self, client: "Client") -> None:
        """Its transport ends without a word."""
        self.deliver(self.broker.lost(client.connection, self.m))

    def until(self, m: float) -> None:
        """Time passes, deadline by deadline, as a driver lets it."""
        while (deadline := self.broker.next_deadline()) is not None and deadline <= m:
            assert deadline >= self.m
            self.m = deadline
            self.deliver(self.broker.advance(deadline))
        self.m = m


class Client:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.connection = wire.broker.open(wire.m)
        self.decoder = StompDecoder()
        self.got: list[StompFrame | Beat] = []
        self.ending: Ending | None = None

    def says(self, data: str | bytes) -> list[StompFrame | Beat]:
        """What this client is told while it is heard."""
        before = len(self.got)
        raw = data.encode() if isinstance(data, str) else data
        self.wire.deliver(self.wire.broker.receive(self.connection, raw, self.wire.m))
        return self.got[before:]

    def subscribes(self, destination: str, ack: str = "auto", id_: str = "0") -> list[StompFrame | Beat]:
        return self.says(f"SUBSCRIBE\nid:{id_}\ndestination:{destination}\nack:{ack}\n\n\0")

    def sends(self, destination: str, *bodies: str, headers: str = "") -> None:
        for body in bodies:
            self.says(f"SEND\ndestination:{destination}\n{headers}\n{body}\0")

    def frames(self, command: str) -> list[StompFrame]:
        return [event for event in self.got if isinstance(event, StompFrame) and event.command == command]

    @property
    def bodies(self) -> list[str]:
        """Those of the messages it got."""
        return [frame.body.decode() for frame in self.frames("MESSAGE")]

    @property
    def beats(self) -> int:
        return sum(isinstance(event, Beat) for event in self.got)

    @property
    def error(self) -> StompFrame:
        (error,) = self.frames("ERROR")
        return error
