"""The HTTP door: aiohttp on 127.0.0.1, one handler, connections ended as the core orders.

A single event loop and a core without threads: the state needs no lock. Nothing here knows QuickBooks.
"""

from __future__ import annotations

import asyncio
import signal

from aiohttp import web

from .emulator import Emulator
from .postman import Postman
from .wire import Ending, Request, Response

HOST = "127.0.0.1"  # never anything else: the control plane has no password


class Server:
    def __init__(self, emulator: Emulator, port: int) -> None:
        self._emulator, self._port = emulator, port
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        self._site: web.TCPSite | None = None
        self._timers: set[asyncio.TimerHandle] = set()
        self._postman = Postman(emulator.webhooks)

    async def start(self) -> int:
        await self._runner.setup()
        await self._listen()
        self._postman.start()
        return self._port

    async def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        await self._postman.stop()
        await self._runner.cleanup()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, HOST, self._port, reuse_address=True)
        await self._site.start()
        self._port = self._runner.addresses[0][1]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        response = self._emulator.handle(Request(request.method, request.path, dict(request.query), headers, body))
        self._postman.wake()
        if response.due_in is not None:
            self._later(response.due_in)
        if response.delay and response.ending is not Ending.REFUSE:
            await asyncio.sleep(response.delay)
        if response.ending is Ending.NORMAL:
            return web.Response(status=response.status, body=response.body, headers=response.headers)
        if response.ending is Ending.CUT:
            return await self._cut(request, response)
        if response.ending is Ending.REFUSE:
            await self._refuse(response.delay)
        return _abort(request)

    def _later(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers.add(loop.call_later(seconds + 0.001, self._run_due))

    def _run_due(self) -> None:
        self._emulator.run_due()
        self._postman.wake()

    async def _cut(self, request: web.BaseRequest, response: Response) -> web.StreamResponse:
        """The full length is promised, half of it is sent."""
        stream = web.StreamResponse(status=response.status, headers=response.headers)
        stream.content_length = len(response.body)
        await stream.prepare(request)
        await stream.write(response.body[: len(response.body) // 2])
        if request.transport is not None:
            request.transport.close()
        return stream

    async def _refuse(self, seconds: float) -> None:
        """Stop listening for a while: a real refused connection for whoever comes next."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
            loop = asyncio.get_running_loop()
            self._timers.add(loop.call_later(seconds, lambda: loop.create_task(self._listen())))


def _abort(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def serve(emulator: Emulator, port: int) -> None:
    """Run until SIGTERM or SIGINT."""
    server = Server(emulator, port)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    bound = await server.start()
    realms = ", ".join(f"{company.realm} ({company.name})" for company in emulator.companies.values())
    print(f"QuickBooks emulator on http://{HOST}:{bound} - companies: {realms}", flush=True)
    await stopped.wait()
    await server.stop()
