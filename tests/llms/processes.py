"""Which processes there are, by what their command lines say."""

import subprocess
import time


def processes_with(word: str) -> list[str]:
    """Return the command lines that hold `word`."""
    command = ["ps", "-eww", "-o", "pid,args"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if word in line and " ps " not in line]


def left_after_a_while(word: str) -> list[str]:
    """Return the processes with `word` once there are none, or after 20 seconds."""
    deadline = time.monotonic() + 20
    while (left := processes_with(word)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
