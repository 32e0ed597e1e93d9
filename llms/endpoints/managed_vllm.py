"""Models on vLLM servers that are started for them, kept while they are of use, and stopped.

The fleet knows which servers run and which GPUs they hold. A server that nobody uses gives way to
one that needs its GPUs (without GPUs: one server at a time); one that is in use is waited for.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from time import monotonic

from llms.endpoints import AttemptError
from llms.endpoints.openai_api import OpenAIEndpoint
from llms.errors import UserError
from llms.progress import Progress
from llms.records import ModelSpec, Reply, Request
from llms.vllm_server import VllmServer, server_of, visible_gpus, vllm_command

_SIZES = re.compile(r"^--(tensor|data|pipeline)-parallel-size$|^-(tp|dp|pp)$")
_DEATH_SECONDS = 15.0


@dataclass
class _Running:
    server: VllmServer
    gpus: list[str]
    users: int = 0
    starting: bool = False
    started: bool = False
    restarts: int = 0


@dataclass
class _Fleet:
    servers: dict[tuple[str, ...], _Running] = field(default_factory=dict)


_FLEET = _Fleet()


class VllmEndpoint:
    """A model on a vLLM server of our own.

    Raises:
        UserError: vLLM is not installed; later, when the server is started, the reason why it
            could not be.
    """

    def __init__(self, spec: ModelSpec, progress: Progress) -> None:
        vllm_command(spec)
        self._spec = spec
        self._progress = progress
        self._place = (spec.model, spec.revision or "", *spec.engine_args)
        self._opening = asyncio.Lock()
        self._running: _Running | None = None
        self._client: OpenAIEndpoint | None = None
        self._before = (0.0, 0.0)

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[None]:
        """Hold the server, started where need be, for one request."""
        async with self._opening:
            running = _FLEET.servers.get(self._place)
            if running is None or running is not self._running:
                running = await self._lease()
            running.users += 1
        try:
            yield
        finally:
            running.users -= 1

    async def send(self, request: Request) -> Reply:
        """Make one attempt; start the server again, once, if it died."""
        client = await self._living_client()
        try:
            return await client.send(request)
        except AttemptError as error:
            raise await self._or_death(error) from error

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """Return one vector for each text."""
        client = await self._living_client()
        try:
            return await client.embed(texts)
        except AttemptError as error:
            raise await self._or_death(error) from error

    async def close(self) -> None:
        """Say how much the prefix cache saved; the server stays up for the next run."""
        if self._client and self._running and self._running.server.running:
            queries, hits = await self._running.server.prefix_cache()
            asked, hit = queries - self._before[0], hits - self._before[1]
            if asked > 0:
                self._progress.note(
                    f"{self._spec.name}: {hit / asked:.0%} of {asked:,.0f} prompt tokens came "
                    "from vLLM's prefix cache"
                )
        if self._client:
            await self._client.close()

    async def _lease(self) -> _Running:
        """Return the running server, connected to; hold it against eviction meanwhile."""
        running = _FLEET.servers.get(self._place)
        if running is None:
            gpus = await _free_gpus(_gpus_needed(self._spec))
            running = _FLEET.servers.setdefault(
                self._place, _Running(server_of(self._spec, gpus), gpus)
            )
        running.users += 1
        try:
            if not running.starting and not running.started:
                await self._start(running)
            while not running.started:
                if _FLEET.servers.get(self._place) is not running:
                    raise UserError(f"vLLM could not serve {self._spec.name}")
                await asyncio.sleep(0.1)
            await self._connect(running)
        finally:
            running.users -= 1
        return running

    async def _start(self, running: _Running) -> None:
        where = f"GPU {', '.join(running.gpus)}" if running.gpus else "the CPU, for there is no GPU"
        self._progress.note(
            f"starting vLLM for {self._spec.name} on {where}; its log is {running.server.log}"
        )
        start = monotonic()
        running.starting = True
        try:
            running.server.start()
            await running.server.wait_until_healthy()
        except BaseException:
            _FLEET.servers.pop(self._place, None)
            raise
        running.started = True
        self._progress.note(f"vLLM serves {self._spec.name} after {monotonic() - start:.0f} s")

    async def _connect(self, running: _Running) -> None:
        if self._client:
            await self._client.close()
        self._running = running
        self._client = OpenAIEndpoint(
            replace(self._spec, kind="http", address=running.server.url), self._progress
        )
        self._before = await running.server.prefix_cache()

    async def _living_client(self) -> OpenAIEndpoint:
        async with self._opening:
            running, client = self._running, self._client
            if running is None or client is None:
                raise AssertionError("`in_use` opens the server before anything is sent")
            if running.server.running:
                return client
            if running.restarts:
                raise AttemptError("server_died", running.server.reason(), hopeless=True)
            running.restarts += 1
            self._progress.note(f"vLLM for {self._spec.name} died: {running.server.reason()}")
            await self._start(running)
            await self._connect(running)
            return self._client or client

    async def _or_death(self, error: AttemptError) -> AttemptError:
        running = self._running
        if error.reason not in ("unreachable", "connection") or running is None:
            return error
        deadline = monotonic() + _DEATH_SECONDS
        while running.server.running and monotonic() < deadline:
            if await running.server.healthy():
                return error
            await asyncio.sleep(0.1)
        said = f"{error.detail}; its log is {running.server.log}"
        return AttemptError("server_died", said, retry=True)


def stop_servers() -> None:
    """Stop all servers of this process."""
    for place in list(_FLEET.servers):
        _FLEET.servers.pop(place).server.stop()


async def _free_gpus(count: int) -> list[str]:
    """Return `count` GPUs that no server holds, stopping idle servers and waiting for busy ones.

    On a machine without GPUs return none, once no other server runs.
    """
    gpus = visible_gpus()
    if gpus and count > len(gpus):
        raise UserError(f"the parallel sizes ask for {count} GPUs; {len(gpus)} are visible")
    while True:
        held = [gpu for running in _FLEET.servers.values() for gpu in running.gpus]
        free = [gpu for gpu in gpus if gpu not in held]
        if (gpus and len(free) >= count) or not _FLEET.servers:
            return free[:count]
        idle = [place for place, running in _FLEET.servers.items() if not running.users]
        if idle:
            _FLEET.servers.pop(idle[0]).server.stop()
        else:
            await asyncio.sleep(0.1)


def _gpus_needed(spec: ModelSpec) -> int:
    words = [word for argument in spec.engine_args for word in argument.split("=", 1)]
    needed = 1
    for word, value in pairwise(words):
        if _SIZES.match(word) and value.isdigit():
            needed *= int(value)
    return needed
