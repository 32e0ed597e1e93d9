"""vLLM servers of our own: started when first needed, watched, and always stopped.

A server is shared by all runs of this process. It runs under `llms.watchdog`, which ends it
however this process ends. Servers that no longer fit beside a new one are stopped when idle.
Logs go to <model>.log in the folder that `logs_in` names, else in a folder `vllm` beside the store
that $BENCHBUILDER_STORE names.
"""

import asyncio
import atexit
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from urllib.parse import quote

from llms import watchdog
from llms.errors import UserError
from llms.records import ModelSpec
from llms.store import default_store_path

START_SECONDS = 1800.0
_LOGS: ContextVar[Path] = ContextVar("folder of the logs")
_PRIVATE = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
_KNOWN_FAILURES = {
    r"out of memory|OutOfMemoryError|No available memory|Free memory on device|exceeds .*memory"
    r"|Cannot allocate memory|KV cache .* needed": "not enough memory (a smaller model, a shorter "
    "--max-model-len or another --gpu-memory-utilization may fit)",
    r"architectures .* not supported|does not recognize this architecture|no vLLM implementation"
    r"|Cannot find model module": "vLLM does not know the model's architecture",
    r"RepositoryNotFound|not a valid model identifier|Repo id must be|is not a local folder"
    r"|Can't load the configuration|Invalid repository ID|couldn't connect": "there is no such "
    "model (neither a folder here nor on the hub, or the hub cannot be reached)",
    r"Failed to infer device type|No CUDA GPUs|libcuda|libcudart": "vLLM found no device that it "
    "can use (no GPU, and no CPU build of vLLM)",
    r"unrecognized arguments|invalid choice|error: argument": "vLLM does not take these arguments",
    r"No module named 'vllm'|No module named vllm": "vLLM is not installed there",
}


class VllmServer:
    """One `vllm serve` process and where it listens.

    `start` and `wait_until_healthy` raise `UserError` with the reason that vLLM's log gives.
    """

    def __init__(
        self,
        model: str,
        *,
        command: Sequence[str],
        log: Path,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model
        self.log = log
        self._command = command
        self._arguments = arguments
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process, anew where it died, on a free port."""
        self.stop()
        self._port = _free_port()
        listen = ["--host", "127.0.0.1", "--port", str(self._port)]
        command = [*self._command, "--served-model-name", self.model, *listen, *self._arguments]
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    [*_watched(), *command],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **_PRIVATE, **self._environment},
                    start_new_session=True,
                )
        except OSError as error:
            raise UserError(f"cannot start vLLM: {error}") from error
        atexit.register(self.stop)

    async def wait_until_healthy(self, limit: float = START_SECONDS) -> None:
        """Return once the server answers; stop it and raise where it does not in `limit` s."""
        deadline = monotonic() + limit
        try:
            while not await self.healthy():
                if not self.running:
                    raise UserError(f"vLLM could not serve {self.model}: {self.reason()}")
                if monotonic() > deadline:
                    raise UserError(
                        f"vLLM did not serve {self.model} in {limit:.0f} s; its log is {self.log}"
                    )
                await asyncio.sleep(0.1)
        except BaseException:
            self.stop()
            raise

    async def healthy(self) -> bool:
        """Whether the server answers."""
        return await self._read("/health") is not None

    async def prefix_cache(self) -> tuple[float, float]:
        """Return how many prompt tokens were looked up in the prefix cache, and found, so far."""
        metrics = await self._read("/metrics") or ""
        return _total(metrics, "prefix_cache_queries"), _total(metrics, "prefix_cache_hits")

    async def _read(self, path: str) -> str | None:
        import aiohttp

        try:
            timeout = aiohttp.ClientTimeout(5)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self.url.removesuffix("/v1") + path) as response,
            ):
                return await response.text() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    def stop(self) -> None:
        """End the process and all its children."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(watchdog.GRACE_SECONDS + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def reason(self) -> str:
        """Return why the server ended, as its log tells it."""
        log = self.log.read_text(encoding="utf-8", errors="replace")
        known = (why for words, why in _KNOWN_FAILURES.items() if re.search(words, log, re.I))
        errors = [line for line in log.splitlines() if re.search(r"\w*Error\b", line)]
        last = errors[-1].strip()[-300:] if errors else "no error in its log"
        return f"{next(known, last)}; its log is {self.log}"


@contextmanager
def logs_in(folder: Path) -> Iterator[None]:
    """Have servers that start meanwhile write their logs to `folder`, made when first needed."""
    token = _LOGS.set(folder)
    try:
        yield
    finally:
        _LOGS.reset(token)


def vllm_command(spec: ModelSpec) -> list[str]:
    """Return how vLLM's server is started here, up to and with the model.

    The interpreter is the spec's `python`, $BENCHBUILDER_VLLM_PYTHON, this one, or the one behind
    the `vllm` on PATH.

    Raises:
        UserError: there is no vLLM.
    """
    module = ["-m", "vllm.entrypoints.openai.api_server", "--model", spec.model]
    python = spec.python or os.environ.get("BENCHBUILDER_VLLM_PYTHON")
    if python:
        if not shutil.which(python):
            raise UserError(f"{spec.name}: there is no interpreter {python}")
        return [python, *module]
    if find_spec("vllm"):
        return [sys.executable, *module]
    script = shutil.which("vllm")
    if script:
        return [script, "serve", spec.model]
    raise UserError(
        f"{spec.name} needs vLLM: python -m pip install 'benchbuilder[vllm]', or name an "
        "interpreter that has it in $BENCHBUILDER_VLLM_PYTHON"
    )


def visible_gpus() -> list[str]:
    """Return the ids of the GPUs this process may use; none on a machine without one."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [gpu for gpu in named.split(",") if gpu.strip() not in ("", "-1")]
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return listed.stdout.split()


def server_of(spec: ModelSpec, gpus: Sequence[str]) -> VllmServer:
    """Return the server for `spec`, not yet started, on `gpus` (none: on the CPU)."""
    revision = ["--revision", spec.revision] if spec.revision and not _is_folder(spec) else []
    logs = _LOGS.get(None) or default_store_path().parent / "vllm"
    return VllmServer(
        spec.model,
        command=vllm_command(spec),
        log=logs / (quote(spec.name, safe="") + ".log"),
        arguments=["--enable-prefix-caching", *revision, *spec.engine_args],
        environment={"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {},
    )


def _watched() -> list[str]:
    return [sys.executable, "-I", watchdog.__file__, str(watchdog.GRACE_SECONDS)]


def _is_folder(spec: ModelSpec) -> bool:
    return Path(spec.model).is_dir()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _total(metrics: str, name: str) -> float:
    values = re.findall(rf"^vllm:{name}_total\b.* ([0-9.e+]+)$", metrics, re.M)
    return sum(map(float, values))
