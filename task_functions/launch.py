"""The process between `command` and the program it runs: it sees to it that nothing of the program outlives the attempt.

Run as a script of its own, which imports little and so starts in some milliseconds: LAUNCH CONTROL STATUS PROGRAM [ARGUMENT...]. CONTROL is
the reading end of a pipe whose other end only the caller has: when that is closed, by the caller or by the caller's death, everything is
killed. On STATUS it writes "started PID", then "exit CODE", "signal NUMBER" or "error NUMBER" (an errno: there is no such program, say).

Whatever ends the program, all it started is killed before this process ends: its process group, and on Linux also those that left the
group, which this process inherits. It has one thread, so what happens between fork and exec is safe here, as it is not in the caller.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PATIENCE_S = 5.0
"""How long what was killed may take to be gone; what hangs in the kernel is left."""


def main(arguments: list[str]) -> None:
    control, status, program = int(arguments[0]), int(arguments[1]), arguments[2:]
    for descriptor in (control, status):
        os.set_inheritable(descriptor, False)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    _control_process(PR_SET_CHILD_SUBREAPER, 1)
    pid = _start(program, status)
    if pid is None:
        return
    empty = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(empty, descriptor)  # the pipes are the program's
    _watch(pid, control, woken, status)
    _kill_all(pid)


def _start(program: list[str], status: int) -> int | None:
    """The process of the program, in a session of its own; None if it cannot be run, which has been told then."""
    problem, report = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            _tell(status, f"started {os.getpid()}")  # from here, so that it is told before the program can do anything
            _control_process(PR_SET_PDEATHSIG, signal.SIGKILL)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.execvp(program[0], program)  # noqa: S606  (argv as given, and no shell, is what is asked for)
        except OSError as error:
            os.write(report, str(error.errno).encode())
        finally:
            os._exit(127)
    os.close(report)
    trouble = os.read(problem, 16)
    os.close(problem)
    if trouble:
        os.waitpid(pid, 0)
        _tell(status, f"error {trouble.decode()}")
        return None
    return pid


def _watch(pid: int, control: int, woken: int, status: int) -> None:
    """Until the program has ended, or the caller wants no more of it or is gone."""
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if control in ready:
            return
        os.read(woken, 4096)
        while True:
            ended, code = _reaped()
            if ended == pid:
                _tell(status, f"signal {os.WTERMSIG(code)}" if os.WIFSIGNALED(code) else f"exit {os.WEXITSTATUS(code)}")
                return
            if not ended:
                break


def _reaped() -> tuple[int, int]:
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0, 0


def _kill_all(pid: int) -> None:
    """The group, and whoever is a child of this process by then: those that left the group become its children as their parents die."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for child in _children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.002)
        except ChildProcessError:
            return


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as listed:
            return [int(child) for child in listed.read().split()]
    except OSError:
        return []


def _tell(status: int, text: str) -> None:
    with contextlib.suppress(OSError):  # the caller may be gone
        os.write(status, f"{text}\n".encode())


def _control_process(option: int, value: int) -> None:
    """prctl, which only Linux has. Elsewhere the group alone is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
