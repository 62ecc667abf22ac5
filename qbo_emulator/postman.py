"""Sends due webhooks over HTTP and reports the answers back to the core. One task of the server; knows no QuickBooks."""

from __future__ import annotations

import asyncio

import aiohttp

from .webhooks import ACKNOWLEDGE_SECONDS, Delivery, Webhooks

SHORTEST_SLEEP = 0.02  # beside a frozen clock the next attempt may be near for ever: do not spin
LONGEST_SLEEP = 60.0  # a moved clock wakes it anyway (every request does); this bounds what a set clock could hide


class Postman:
    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Something may have become due: a change, a moved clock, a new target."""
        if self._webhooks.outbox:
            self._news.set()

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ACKNOWLEDGE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await self._round(session)
                await self._sleep()

    async def _round(self, session: aiohttp.ClientSession) -> None:
        for delivery in self._webhooks.due():
            if not self._webhooks.acknowledge(delivery, await _send(session, delivery)):
                break  # the later ones are held back

    async def _sleep(self) -> None:
        seconds = self._webhooks.next_due_in()
        longest = LONGEST_SLEEP if seconds is None else min(max(seconds, SHORTEST_SLEEP), LONGEST_SLEEP)
        try:
            await asyncio.wait_for(self._news.wait(), longest)
        except TimeoutError:
            return
        finally:
            self._news.clear()


async def _send(session: aiohttp.ClientSession, delivery: Delivery) -> int | None:
    """The status, or None when the target did not answer in time."""
    try:
        target = session.post(delivery.target, data=delivery.body, headers=delivery.headers, allow_redirects=False)
        async with target as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return None
