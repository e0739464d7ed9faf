"""Three Python web frameworks in one script: ``python hosted.py FRAMEWORK PORT OPTIONS``.

FRAMEWORK is aiohttp, tornado or sanic. What a client says is what the handler does: ``close CODE [REASON]``, ``raise``,
``cut`` (TCP ends without a word; aiohttp), ``block SECONDS`` (the event loop stands still), ``leave CODE SECONDS``
(its Close, and then that; Tornado); anything else comes back.
aiohttp's /members asks for a login, /old has moved, /busy is down for maintenance.
OPTIONS, as JSON, are the framework's own. It imports nothing of this project; ``frameworks.py`` starts it as a child.
"""

import asyncio
import json
import sys
import time
from typing import Any


def say_up() -> None:
    """Tells whoever started it that it listens."""
    sys.stdout.write("up\n")
    sys.stdout.flush()


def aiohttp(port: int, options: dict[str, Any]) -> None:
    """aiohttp: OPTIONS of ``WebSocketResponse``, and says_bye ([CODE, REASON] for everybody at its shutdown)."""
    from aiohttp import WSMsgType, web

    bye = options.pop("says_bye", None)
    clients: set[web.WebSocketResponse] = set()

    async def serve(request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse(**options)
        await client.prepare(request)
        clients.add(client)
        try:
            async for message in client:
                match str(message.data).split(" ", 2) if message.type == WSMsgType.TEXT else []:
                    case ["close", code, *reason]:
                        await client.close(code=int(code), message="".join(reason).encode())
                    case ["raise"]:
                        raise RuntimeError(message.data)
                    case ["cut"]:
                        assert request.transport is not None
                        request.transport.abort()
                    case ["block", seconds]:
                        time.sleep(float(seconds))  # noqa: ASYNC251 - this is the fault
                    case []:
                        await client.send_bytes(message.data)
                    case _:
                        await client.send_str(message.data)
        finally:
            clients.discard(client)
        return client

    async def say_bye(app: web.Application) -> None:
        await asyncio.gather(*(client.close(code=bye[0], message=bye[1].encode()) for client in set(clients)))

    async def members(request: web.Request) -> web.Response:
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Bearer realm="members"'})

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound("/login")

    async def busy(request: web.Request) -> web.Response:
        raise web.HTTPServiceUnavailable(headers={"Retry-After": "11"}, text="down for maintenance")

    app = web.Application()
    app.add_routes([web.get("/", serve), web.get("/members", members), web.get("/old", moved), web.get("/busy", busy)])
    if bye:
        app.on_shutdown.append(say_bye)
    web.run_app(app, host="127.0.0.1", port=port, shutdown_timeout=1.5, print=lambda _: say_up())


def tornado(port: int, options: dict[str, Any]) -> None:
    """Tornado: OPTIONS of the application, such as websocket_ping_interval."""
    from tornado import web, websocket

    class Client(websocket.WebSocketHandler):
        def on_message(self, message: str | bytes) -> None:
            match message.split(" ", 2) if isinstance(message, str) else []:
                case ["close", code, *reason]:
                    self.close(int(code), "".join(reason) or None)
                case ["leave", code, seconds]:
                    self.close(int(code))
                    time.sleep(float(seconds))
                case ["raise"]:
                    raise RuntimeError(message)
                case ["block", seconds]:
                    time.sleep(float(seconds))
                case _:
                    self.write_message(message, binary=isinstance(message, bytes))

    async def run() -> None:
        web.Application([("/", Client)], **options).listen(port, "127.0.0.1")
        say_up()
        await asyncio.Event().wait()

    asyncio.run(run())


def sanic(port: int, options: dict[str, Any]) -> None:
    """Sanic: OPTIONS of its configuration, such as WEBSOCKET_PING_INTERVAL."""
    from sanic import Request, Sanic, Websocket

    app = Sanic("hosted", configure_logging=False)
    app.config.update({"GRACEFUL_SHUTDOWN_TIMEOUT": 2.6} | options)

    async def serve(request: Request, client: Websocket) -> None:
        async for message in client:
            match message.split(" ", 2) if isinstance(message, str) else []:
                case ["close", code, *reason]:
                    await client.close(int(code), "".join(reason))
                case ["raise"]:
                    raise RuntimeError(message)
                case ["return"]:
                    return
                case _:
                    await client.send(message)

    async def ready(_: object) -> None:
        say_up()

    app.add_websocket_route(serve, "/")
    app.after_server_start(ready)
    app.run(host="127.0.0.1", port=port, single_process=True, motd=False, access_log=False)


if __name__ == "__main__":
    {"aiohttp": aiohttp, "tornado": tornado, "sanic": sanic}[sys.argv[1]](int(sys.argv[2]), json.loads(sys.argv[3]))
