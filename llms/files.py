"""Files and digests: written whole, read with errors that name the line.

Every file this project produces goes through `write_whole`, so that a reader never sees half of
one, whatever moment the writer is killed at.
"""

import fcntl
import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from llms.errors import UserError

_UNFINISHED = ".unfinished"
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys and no spaces: equal values, equal text."""
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in hex (64 characters)."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` to `path` through a temporary file beside it and a rename.

    The temporary file is locked while its writer lives, so that one a killed writer left is known
    and taken away.

    Raises:
        UserError: the folder cannot be made or written to, or the disk is full.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_unfinished(path)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=_prefix(path), suffix=_UNFINISHED, delete=False
        ) as file:
            temporary = Path(file.name)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                temporary.chmod(0o644)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def clear_unfinished(path: Path) -> None:
    """Take away what killed writers of `path` left beside it."""
    for stray in path.parent.glob(f"{glob.escape(_prefix(path))}*{_UNFINISHED}"):
        with suppress(OSError), stray.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stray.unlink()


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write `rows` to `path`, one JSON object a line, whole."""
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    write_whole(path, "".join(lines))


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) for each non-blank line of `path`.

    Raises:
        UserError: the file cannot be read, or a line is not a JSON object (file and line named).
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _object(path, number, line)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read {path}: not UTF-8 text ({error.reason})") from error


def _prefix(path: Path) -> str:
    return f".{path.name[:64]}."


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {number}: not JSON ({error.msg})") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}, line {number}: expected a JSON object")
    return value
