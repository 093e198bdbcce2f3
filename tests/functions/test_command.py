"""`command` against real processes: what it gives, what it refuses, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from task_functions.builtin import command
from task_functions.command import CommandFailed, CommandNotFound, CommandsNotAllowed, CommandTimeout
from task_functions.inputs import Cancelled, InvalidInput
from tests.functions.fakes import FakeContext
from tests.http.client import eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_ALLOW_COMMANDS", "true")


def run(*argv: str, ctx: FakeContext | None = None, **more: Any) -> dict[str, Any]:
    return command({"argv": list(argv), **more}, ctx or FakeContext())


def shell(script: str, **more: Any) -> dict[str, Any]:
    return run("sh", "-c", script, **more)


def python(script: str, **more: Any) -> dict[str, Any]:
    return run(sys.executable, "-I", "-c", script, **more)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def gone(pids: list[int]) -> bool | None:
    return True if not any(map(alive, pids)) else None


def written(path: Path, number: int) -> Callable[[], list[int] | None]:
    """So many process ids, once they are in the file."""

    def look() -> list[int] | None:
        pids = [int(line) for line in path.read_text().split()] if path.exists() else []
        return pids if len(pids) >= number else None

    return look


# -------------------------------------------------------------------------------------------------------------------- results


def test_what_it_gives() -> None:
    result = shell("echo out; echo err >&2; exit 0")
    assert result.pop("seconds") > 0
    assert result == {"exitCode": 0, "stdout": "out\n", "stderr": "err\n", "truncated": False}


def test_arguments_arrive_as_they_are_and_no_shell_looks_at_them() -> None:
    words = ["a b", "$HOME", "`id`", "*", "", "; exit 7", "é", "\n"]
    result = run(sys.executable, "-I", "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", *words)
    assert json.loads(result["stdout"]) == words


def test_text_goes_in_and_comes_out() -> None:
    text = "zwölf\n" * 100_000  # more than any pipe holds, both ways at once
    result = run("cat", stdin=text, maxOutputBytes=1_000_000)
    assert result["stdout"] == text
    assert run("cat")["stdout"] == "", "without stdin there is nothing to read"


def test_a_program_need_not_read_what_it_is_given() -> None:
    assert shell("exec <&-; exit 0", stdin="x" * 1_000_000)["exitCode"] == 0


def test_where_it_runs_and_with_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_STORE", "secret")
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    monkeypatch.setenv("TZ", "Europe/Vienna")
    ctx = FakeContext(task_id="t", attempt=2)
    found = shell("pwd; env", cwd=str(tmp_path), env={"GREETING": "hello", "TZ": "UTC"}, ctx=ctx)["stdout"]
    cwd, *lines = found.splitlines()
    env = dict(line.split("=", 1) for line in lines)
    assert cwd == str(tmp_path)
    assert env["PATH"] == os.environ["PATH"]
    assert (env["GREETING"], env["TZ"]) == ("hello", "UTC")
    assert (env["TASK_ID"], env["ATTEMPT"], env["EXECUTION_ID"], env["IDEMPOTENCY_KEY"]) == ("t", "2", "exec-1", "exec-1/task/1")
    assert "secret" not in found


def test_the_end_of_a_flood_is_kept() -> None:
    result = python("import sys; [sys.stdout.write(f'{n:09}\\n') for n in range(1_000_000)]", maxOutputBytes=100)
    assert result["truncated"]
    assert result["stdout"] == "".join(f"{n:09}\n" for n in range(999_990, 1_000_000))


def test_exactly_as_much_as_fits_is_not_truncated() -> None:
    assert shell("printf 1234", maxOutputBytes=4)["truncated"] is False
    assert shell("printf 12345", maxOutputBytes=4)["stdout"] == "2345"


def test_half_a_character_is_not_shown_and_other_bytes_are_marked() -> None:
    assert shell("printf 'aé'; printf 'bcd'", maxOutputBytes=4)["stdout"] == "bcd"
    assert shell(r"printf 'a\377b'")["stdout"] == "a\ufffdb"


def test_expected_codes() -> None:
    assert shell("exit 3", expected=3)["exitCode"] == 3
    assert shell("exit 1", expected=[0, 1])["exitCode"] == 1
    with pytest.raises(CommandFailed) as caught:
        shell("exit 0", expected=[1])
    assert caught.value.exit_code == 0


# ------------------------------------------------------------------------------------------------------------------- failures


def test_a_failure_says_the_code_and_the_end_of_stderr() -> None:
    with pytest.raises(CommandFailed, match=r"^sh ended with exit code 7: no such table$") as caught:
        shell("echo nothing; echo no such table >&2; exit 7")
    assert caught.value.exit_code == 7
    with pytest.raises(CommandFailed, match=r"exit code 1: \.\.\.x{490}last words$"):
        python("import sys; sys.exit('x' * 2000 + 'last words')")


@pytest.mark.parametrize("code", [0, 3])
def test_both_streams_are_told_however_it_ends(capsys: pytest.CaptureFixture[str], code: int) -> None:
    script = f"echo STDOUT-LINE; echo STDERR-LINE >&2; printf unended; exit {code}"
    if code:
        with pytest.raises(CommandFailed):
            shell(script)
    else:
        shell(script)
    assert capsys.readouterr() == ("STDOUT-LINE\nunended", "STDERR-LINE\n")


def test_lines_are_told_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program ends only when its first line has been told."""
    fifo, told = tmp_path / "fifo", []
    os.mkfifo(fifo)

    class Out:
        def write(self, text: str) -> None:
            told.append(text)
            if text == "first\n":
                fifo.write_text("go on\n")

    monkeypatch.setattr(sys, "stdout", Out())
    assert shell(f"echo first; cat {fifo}", timeout=60)["stdout"] == "first\ngo on\n"
    assert "".join(told) == "first\ngo on\n"


def test_a_line_without_end_is_told_in_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    assert python("print('x' * 3_000_000, end='')", maxOutputBytes=5)["stdout"] == "xxxxx"
    assert len(capsys.readouterr().out) == 3_000_000


def test_a_secret_is_masked_in_all_that_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    ctx, split = FakeContext(secret="pa55-w0rd"), "sys.stdout.write('pa55'); sys.stdout.flush(); time.sleep(0.05); print('-w0rd')"
    result = run(sys.executable, "-I", "-c", f"import sys, time; {split}; print('é pa55-w0rd', file=sys.stderr)", ctx=ctx)
    assert (result["stdout"], result["stderr"]) == ("***\n", "é ***\n")
    with pytest.raises(CommandFailed, match=r"code 1: (\*\*\*)?x+$") as caught:
        run(sys.executable, "-I", "-c", "import sys; sys.exit('pa55-w0rd' + 'x' * 495)", ctx=ctx)
    assert "w0rd" not in str(caught.value) + "".join(capsys.readouterr())
    assert "w0rd" not in run("printf", "pa55-w0rdxxxx", ctx=ctx, maxOutputBytes=8)["stdout"]


def test_a_signal() -> None:
    with pytest.raises(CommandFailed, match=r"^sh was killed by signal 15 \(SIGTERM\)$") as caught:
        shell("kill -TERM $$")
    assert caught.value.exit_code == -signal.SIGTERM


def test_signals_are_as_usual_in_the_program() -> None:
    with pytest.raises(CommandFailed, match="SIGPIPE"):
        python("import signal, os; r, w = os.pipe(); os.close(r); signal.signal(signal.SIGPIPE, signal.SIG_DFL); os.write(w, b'x')")
    assert python("import signal; print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)")["stdout"] == "True\n"


def test_no_such_program(tmp_path: Path) -> None:
    with pytest.raises(CommandNotFound, match="there is no program stepwell-nowhere in /"):
        run("stepwell-nowhere")
    with pytest.raises(CommandNotFound, match=r"there is no program /nowhere/x$"):
        run("/nowhere/x")
    file = tmp_path / "file"
    file.write_text("echo")
    with pytest.raises(CommandFailed, match="cannot be started: Permission denied"):
        run(str(file))
    with pytest.raises(CommandFailed, match="cannot be started: Argument list too long"):
        run("true", "x" * 3_000_000)


def test_commands_are_off_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STEPWELL_ALLOW_COMMANDS")
    with pytest.raises(CommandsNotAllowed, match=r"allow_commands \(STEPWELL_ALLOW_COMMANDS=true\)"):
        shell(f"touch {tmp_path}/ran")
    assert not (tmp_path / "ran").exists()


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    wrong = {
        "argv": ["ls", 1, "a\0b"],
        "args": [],
        "cwd": "relative",
        "env": {"A=B": "x", "C": 1},
        "stdin": 1,
        "timeout": 0,
        "expected": [0, 256],
        "maxOutputBytes": 2**40,
    }
    with pytest.raises(InvalidInput) as caught:
        command(wrong, FakeContext())
    places = [problem.partition(":")[0] for problem in caught.value.problems]
    assert places == [
        *("/args", "/argv/1", "/argv/2", "/env/A=B", "/env/C", "/cwd", "/stdin", "/timeout", "/expected/1", "/maxOutputBytes"),
    ]
    assert "unknown key; did you mean 'argv'?" in str(caught.value)
    others: list[tuple[Any, str]] = [
        (None, "must be an object with argv"),
        ({}, "/argv: this must be a list of texts"),
        ({"argv": []}, "/argv"),
        ({"argv": "ls -l"}, "/argv"),
        ({"argv": ["ls"], "cwd": str(tmp_path / "no")}, "/cwd: there is no directory"),
    ]
    for data, words in others:
        with pytest.raises(InvalidInput, match=words):
            command(data, FakeContext())


# --------------------------------------------------------------------------------------------- nothing outlives it

FAMILY = """
echo $$ >> {file}
sleep 1000 &
echo $! >> {file}
setsid sh -c 'echo $$ >> {file}; sleep 1000 & echo $! >> {file}; wait' &
while [ $(wc -l < {file}) -lt 4 ]; do sleep 0.01; done
"""
"""A program with a child, and a grandchild and its child that have left the process group. All hold the pipes."""


def test_whoever_is_left_when_it_ends_is_killed_and_holds_nothing_up(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    result = shell(FAMILY.format(file=file) + "echo done")
    assert result["stdout"] == "done\n"  # which is here, though they would have held it up for a thousand seconds
    eventually(lambda: gone(written(file, 4)() or []), "the end of the family")


def test_a_time_out_kills_the_whole_family(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    with pytest.raises(CommandTimeout, match=r"^sh took longer than 3 s and was killed: about to hang$"):
        shell("trap '' TERM INT HUP; echo about to hang >&2;" + FAMILY.format(file=file) + "wait", timeout=3)
    eventually(lambda: gone(written(file, 4)() or []), "the end of the family")


class Stopping(FakeContext):
    """Cancelled when it is told to be."""

    def __init__(self) -> None:
        super().__init__()
        self.stop = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self.stop.is_set()


def test_a_cancelled_attempt_kills_the_whole_family(tmp_path: Path) -> None:
    file, ctx, raised = tmp_path / "pids", Stopping(), []

    def attempt() -> None:
        try:
            shell(FAMILY.format(file=file) + "wait", ctx=ctx)
        except Cancelled as error:
            raised.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    pids = eventually(written(file, 4), "the family")
    eventually(lambda: ctx.heartbeats or None, "a sign of life")
    ctx.stop.set()
    thread.join(30)
    assert raised
    eventually(lambda: gone(pids), "the end of the family")


CALLER = """
import sys
from task_functions.builtin import command
from tests.functions.fakes import FakeContext
command({"argv": ["sh", "-c", sys.argv[1]]}, FakeContext())
"""


def test_the_family_ends_when_the_process_is_killed_that_runs_the_function(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    caller = subprocess.Popen([sys.executable, "-c", CALLER, FAMILY.format(file=file) + "wait"], env=env, start_new_session=True)
    pids = eventually(written(file, 4), "the family")
    assert all(map(alive, pids))
    caller.kill()
    caller.wait(60)
    eventually(lambda: gone(pids), "the end of the family")


def test_the_family_ends_when_it_kills_the_process_that_watches_over_it(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    with pytest.raises(CommandFailed, match="the process that watched over it was killed"):
        shell(f"echo $$ >> {file}; sleep 1000 & echo $! >> {file}; kill -9 $PPID; wait")
    eventually(lambda: gone(written(file, 2)() or []), "the end of the family")


def test_the_program_has_no_descriptors_but_its_own() -> None:
    assert shell("ls /proc/self/fd | wc -l")["stdout"].strip() == "4", "0, 1, 2 and the directory"


def test_many_at_once() -> None:
    results: dict[int, str] = {}

    def attempt(number: int) -> None:
        results[number] = shell(f"sleep 0.0{number % 10}; echo {number}")["stdout"].strip()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {number: str(number) for number in range(20)}


OPENER = """
import os
from task_functions.builtin import command
from task_functions.command import CommandFailed, CommandNotFound, CommandTimeout
from tests.functions.fakes import FakeContext

def each():
    for kind, asked in (
        (None, {"argv": ["true"]}),
        (CommandNotFound, {"argv": ["stepwell-nowhere"]}),
        (CommandFailed, {"argv": ["true", "x" * 3_000_000]}),
        (CommandTimeout, {"argv": ["sleep", "1000"], "timeout": 0.01}),
    ):
        try:
            command(asked, FakeContext())
        except Exception as error:
            assert type(error) is kind, error
        else:
            assert kind is None

each()
before = len(os.listdir("/proc/self/fd"))
for _ in range(3):
    each()
print(len(os.listdir("/proc/self/fd")) - before)
"""
"""In a process of its own: in this one, servers of other tests open and close files."""


def test_nothing_is_left_open() -> None:
    done = subprocess.run([sys.executable, "-c", OPENER], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stdout + done.stderr
