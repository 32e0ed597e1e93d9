"""Signs by which processes see that another one lives: files locked until their process ends.

The kernel frees the lock, however the process ends.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path


def hold(sign: Path) -> int:
    """Make the file `sign` and lock it; return its descriptor, to be given to `let_go`."""
    while True:
        held = os.open(sign, os.O_CREAT | os.O_RDWR, 0o644)
        fcntl.flock(held, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if sign.stat().st_ino == os.fstat(held).st_ino:
                return held
        os.close(held)


def let_go(sign: Path, held: int) -> None:
    """Take the file `sign` away and free its lock."""
    sign.unlink(missing_ok=True)
    os.close(held)


def is_held(sign: Path) -> bool:
    """Whether some process holds `sign`; where none does, take the file away."""
    try:
        seen = os.open(sign, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(seen, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        sign.unlink(missing_ok=True)
        return False
    finally:
        os.close(seen)
