"""Runs one command and ends it, with all its children, when standard input closes.

Started as `python watchdog.py GRACE-SECONDS COMMAND…`, in a process of its own. Whoever started it
holds the other end of the pipe; the kernel closes that end however its holder dies, kill -9
included, so that nothing is orphaned. Uses the standard library only, for it runs outside any
environment.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


def main(command: list[str], grace: float) -> int:
    """Run `command` until it ends or standard input closes; return its exit code.

    Its process group is asked to end, and killed where it has not ended in `grace` seconds.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )
    closed = threading.Event()
    threading.Thread(target=_watch_input, args=(closed,), daemon=True).start()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: closed.set())
    while child.poll() is None and not closed.wait(0.1):
        pass
    _end_group(child, grace)
    return child.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch_input(closed: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    closed.set()


def _end_group(child: subprocess.Popen[bytes], grace: float) -> None:
    deadline = time.monotonic() + grace
    try:
        os.killpg(child.pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            child.poll()
            os.killpg(child.pid, 0)
            time.sleep(0.05)
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], float(sys.argv[1])))
