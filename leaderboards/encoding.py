"""Tables as the bytes of files, and the digests of files."""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl


def json_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return one JSON object a line; halves of surrogate pairs become question marks."""
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    return "".join(lines).encode("utf-8", "replace")


def parquet(table: pl.DataFrame) -> bytes:
    """Return a Parquet file."""
    out = io.BytesIO()
    table.write_parquet(out, compression="zstd")
    return out.getvalue()


def with_sums(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield `files` and then SHA256SUMS of them, in the form `sha256sum --check` reads."""
    lines = []
    for path, content in files:
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {path}\n")
        yield path, content
    yield "SHA256SUMS", "".join(sorted(lines, key=lambda line: line[66:])).encode()
