"""How the process ends."""

import subprocess
import sys

PROGRAM = """
import sys, threading, time
from edge_inspector import __main__ as program

def command():
    if sys.argv[1] == "stuck":
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    print("said", end="")
    return 65

program.main = command
program.enter()
"""


def end(state: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, state], check=False, capture_output=True, text=True, timeout=60
    )
    return ended.returncode, ended.stdout


def test_the_process_ends_with_the_code_of_its_command() -> None:
    assert end("clean") == (65, "said")


def test_a_thread_that_was_left_behind_changes_neither_the_code_nor_what_was_said() -> None:
    assert end("stuck") == (65, "said")
