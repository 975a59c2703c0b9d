"""Found by every Python that a test starts: Snakemake looks after its jobs every second instead of every half minute."""

import asyncio

_sleep = asyncio.sleep


async def _short_sleep(delay, result=None):
    return await _sleep(min(delay, 1), result)


asyncio.sleep = _short_sleep
