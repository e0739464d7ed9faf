"""What a home-made STOMP program does for everybody: it lets in, confirms what is asked to be, and says goodbye."""

import re

from websockets.asyncio.server import ServerConnection

from tests.servers.house import Rule


def _header(frame: str, name: str) -> str | None:
    found = re.search(rf"^{name}:(.*)$", frame.partition("\n\n")[0], re.MULTILINE)
    return found[1] if found else None


def stomping(rule: Rule, server: str, beats: str = "0,0") -> Rule:
    """A rule for what clients say once they are in, as that of a STOMP server of that name."""

    async def hear(user: str, client: ServerConnection, message: str | bytes) -> None:
        frame = str(message)
        command = frame.partition("\n")[0]
        if command in ("CONNECT", "STOMP"):
            await client.send(f"CONNECTED\nversion:1.2\nserver:{server}\nheart-beat:{beats}\n\n\0")
            return
        if (receipt := _header(frame, "receipt")) is not None:
            await client.send(f"RECEIPT\nreceipt-id:{receipt}\n\n\0")
        if command == "DISCONNECT":
            await client.close()
        else:
            await rule(user, client, frame)

    return hear


async def deliver(client: ServerConnection, destination: str, body: str, number: int = 0) -> None:
    """A MESSAGE for the first subscription."""
    head = f"MESSAGE\nsubscription:0\nmessage-id:{number}\ndestination:{destination}\ncontent-type:text/plain\n\n"
    await client.send(f"{head}{body}\0")


async def refuse(client: ServerConnection, message: str, body: str = "", code: int | None = 1002) -> None:
    """An ERROR, and the Close after it, where there is one."""
    await client.send(f"ERROR\nmessage:{message}\ncontent-type:text/plain\n\n{body}\0")
    if code is not None:
        await client.close(code)
