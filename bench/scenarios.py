"""What is timed: texts in bulk, texts one by one, and process start to the first vector."""

import os
import subprocess
import time
from contextlib import ExitStack, contextmanager

from workers import Worker, WorkerError

FIRST_TEXT = "A process has started when its first sentence has become a vector."
# Worker threads of some libraries spin for a fifth of a second after their last task.
SETTLE_SECONDS = 0.25


def rotated(items, by):
    by %= len(items)
    return items[by:] + items[:by]


def interleaved(names, rounds, measure):
    """name -> seconds of each round: A B C, B C A, ... so that no one has the better place."""
    seconds = {name: [] for name in names}
    for number in range(rounds):
        for name in rotated(names, number):
            time.sleep(SETTLE_SECONDS)
            seconds[name].append(measure(name))
    return seconds


@contextmanager
def started(contenders, log_folder):
    """A worker per contender, by name; all stay resident, idle while another runs."""
    with ExitStack() as stack:
        workers = {}
        for contender in contenders:
            worker = Worker(contender.name, contender.command, log_folder)
            workers[contender.name] = stack.enter_context(worker)
        yield workers


def load(workers, contenders, scenario):
    """The settings of `scenario` in place of those before."""
    for contender in contenders:
        workers[contender.name].ask("load", **contender.load_settings(scenario))


def passes(workers, action, path, rounds):
    """(seconds by name, what each said of its run besides)."""
    said = {}
    for name, worker in workers.items():
        answer = worker.ask(action, path=str(path))  # warm: kernels made, weights packed
        said[name] = {key: value for key, value in answer.items() if key not in ("ok", "seconds")}

    def measure(name):
        return workers[name].ask(action, path=str(path))["seconds"]

    return interleaved(list(workers), rounds, measure), said


def start_worker(contender, log_folder):
    """(seconds from process start to the first vector, resident MiB, peak MiB)."""
    with Worker(contender.name, contender.command, log_folder) as worker:
        worker.send({"do": "load", **contender.load_settings("singles")})
        worker.send({"do": "embed_one", "text": FIRST_TEXT})
        worker.receive()
        worker.receive()
        seconds = time.perf_counter() - worker.started
        return seconds, *worker.memory_mib()


def start_program(program, model):
    """The same for the command-line program: until its first line of output, then its peak."""
    command = [str(program), "embed", str(model), FIRST_TEXT]
    command += ["--precision", "f32", "--streams", "1"]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        line = process.stdout.readline()
        seconds = time.perf_counter() - begin
        process.stdout.read()
        _, code, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode != 0 or b"embedding" not in line:
        raise WorkerError(f"{program} embed failed with exit code {process.returncode}")
    return seconds, 0.0, round(usage.ru_maxrss / 1024, 1)


def starts(contenders, program, model, rounds, log_folder):
    """(seconds by name, {name: {"resident", "peak"}} in MiB, worst of the rounds)."""
    ways = {c.name: lambda c=c: start_worker(c, log_folder) for c in contenders}
    if program is not None:
        ways["accel_program"] = lambda: start_program(program, model)
    memory = {name: {"resident": 0.0, "peak": 0.0} for name in ways}

    def measure(name):
        seconds, resident, peak = ways[name]()
        worst = memory[name]
        worst["resident"] = max(worst["resident"], resident)
        worst["peak"] = max(worst["peak"], peak)
        return seconds

    for name in ways:
        ways[name]()  # the page cache and the bytecode are warm from here on
    return interleaved(list(ways), rounds, measure), memory
