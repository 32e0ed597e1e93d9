"""A local server that implements OpenAI's files and batches, enough for the Batch API."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Row = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class BatchServer:
    """Files and batches; a batch ends after it was looked at `looks` times.

    No batch ends before there are `together` of them.
    """

    answer: Row
    looks: int = 1
    together: int = 1
    ends: str = "completed"
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)

    def add_routes(self, app: web.Application) -> None:
        """Serve the API's routes."""
        app.router.add_post("/v1/files", self.upload)
        app.router.add_get("/v1/files/{id}/content", self.content)
        app.router.add_post("/v1/batches", self.create)
        app.router.add_get("/v1/batches", self.listed)
        app.router.add_get("/v1/batches/{id}", self.retrieve)

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file_id = f"file-{len(self.files)}"
        self.files[file_id] = form["file"].file.read()
        return web.json_response({"id": file_id, "object": "file", "purpose": form["purpose"]})

    async def content(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]])

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        batch_id = f"batch-{len(self.batches)}"
        self.batches[batch_id] = {**body, "id": batch_id, "object": "batch", "status": "validating"}
        return web.json_response(self.batches[batch_id])

    async def listed(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": list(self.batches.values())})

    async def retrieve(self, request: web.Request) -> web.Response:
        batch_id = request.match_info["id"]
        batch = self.batches[batch_id]
        self.seen[batch_id] = self.seen.get(batch_id, 0) + 1
        due = self.seen[batch_id] >= self.looks and len(self.batches) >= self.together
        if due and "output_file_id" not in batch:
            self.finish(batch)
        return web.json_response(batch)

    def finish(self, batch: dict[str, Any]) -> None:
        """Answer all requests of `batch`; errors go into a file of their own."""
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        rows = [row for line in lines if (row := self.answer(line))]
        good = [row for row in rows if not row.get("error")]
        for name, some in (("output", good), ("error", [r for r in rows if r.get("error")])):
            file_id = re.sub("batch", name, batch["id"])
            self.files[file_id] = "\n".join(map(json.dumps, some)).encode()
            batch[f"{name}_file_id"] = file_id
        batch["status"] = self.ends
