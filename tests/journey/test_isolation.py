"""--isolation process and CPU[0-1]: the engine in a process of its own."""
import json
import os
import pathlib
import signal
import time
import unittest

from program import (GOLDEN, INVALID_ARGUMENT, NOT_FOUND, TINY, UNAVAILABLE, ProgramTest,
                     needs_acceleration)

TEXTS = GOLDEN["sentence_embedding"]["texts"]
ALLOWED = sorted(os.sched_getaffinity(0))


def status_of(pid):
    """The fields of /proc/PID/status; none of a process that is gone or a zombie."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return {} if fields["State"].startswith("Z") else fields


def workers_of(parent):
    """The process ids of the worker processes that `parent` has started."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            fields = status_of(folder.name)
            if fields.get("PPid") == str(parent) and fields["Name"] == "accel-worker":
                found.append(int(folder.name))
    return found


class IsolationTest(ProgramTest):
    def eventually(self, holds):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = holds()
            if found:
                return found
            time.sleep(0.01)
        self.fail("waited for 30 s in vain")

    def worker(self, *arguments):
        """A running `accel embed` that has answered its first text, and its worker's id."""
        process = self.start("embed", TINY, "--precision", "f32", "--input", "-", *arguments)
        process.stdin.write(b"a text\n")
        process.stdin.flush()
        self.assertTrue(process.stdout.readline())
        pid, = workers_of(process.pid)
        return process, pid


class Answers(IsolationTest):
    def test_they_are_those_of_a_thread(self):
        self.assertEqual(self.records("--isolation", "process", *TEXTS), self.records(*TEXTS))

    def test_the_statistics_say_where_it_ran(self):
        for isolation in ("thread", "process"):
            done = self.embed("--stats", "--isolation", isolation, "a text")
            self.assertEqual(json.loads(done.stderr)["isolation"], isolation)

    def test_the_environment_chooses_it_as_well(self):
        done = self.embed("--stats", "a text", env=self.environment(ACCEL_ISOLATION="process"))
        self.assertEqual(json.loads(done.stderr)["isolation"], "process")

    def test_the_reference_backend_and_a_task(self):
        for task in (["--backend", "reference"], []):
            both = [self.accel("run", TINY, "--task", "feature-extraction", "a text", *task,
                               "--isolation", isolation).stdout
                    for isolation in ("thread", "process")]
            self.assertEqual(*both)


@needs_acceleration
class Ends(IsolationTest):
    def test_a_crash_of_the_engine_ends_the_call(self):
        process, pid = self.worker("--isolation", "process")
        os.kill(pid, signal.SIGSTOP)
        process.stdin.write(b"another\n")
        process.stdin.flush()
        time.sleep(0.3)
        os.kill(pid, signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, UNAVAILABLE)
        last = err.decode().splitlines()[-1]
        self.assertIn(f"worker process {pid} (openvino on CPU) was ended by signal 9", last)
        self.assertFalse(status_of(pid))
        self.assertEqual(self.records("--isolation", "process", *TEXTS), self.records(*TEXTS))

    def test_a_worker_that_died_between_calls_is_started_again(self):
        process, pid = self.worker("--isolation", "process")
        os.kill(pid, signal.SIGSEGV)
        self.eventually(lambda: not status_of(pid))
        time.sleep(0.2)  # it stays ended for 0.1 s
        process.stdin.write(b"another\n")
        process.stdin.flush()
        self.assertTrue(process.stdout.readline())
        again, = workers_of(process.pid)
        self.assertNotEqual(again, pid)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)

    def test_a_hang_ends_the_call(self):
        process = self.start("embed", TINY, "--precision", "f32", "--input", "-",
                             "--isolation", "process",
                             env=self.environment(ACCEL_HANG_SECONDS="0.5"))
        process.stdin.write(b"a text\n")
        process.stdin.flush()
        self.assertTrue(process.stdout.readline())
        pid, = workers_of(process.pid)
        os.kill(pid, signal.SIGSTOP)
        _, err = process.communicate(b"another\n", timeout=60)
        self.assertEqual(process.returncode, UNAVAILABLE)
        self.assertIn("did not end running the model within 0.5 s and was killed", err.decode())

    def test_the_worker_dies_with_its_parent(self):
        for also_stopped in (False, True):
            process, pid = self.worker("--isolation", "process")
            if also_stopped:
                os.kill(pid, signal.SIGSTOP)
            process.kill()
            process.wait()
            self.eventually(lambda gone=pid: not status_of(gone))

    def test_no_worker_is_left_after_the_end(self):
        process, pid = self.worker("--isolation", "process")
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertFalse(status_of(pid))


@needs_acceleration
class Cores(IsolationTest):
    def test_a_worker_is_bound_to_its_cores(self):
        _, pid = self.worker("--device", f"CPU[{ALLOWED[-1]}]")
        self.assertEqual(status_of(pid)["Cpus_allowed_list"], str(ALLOWED[-1]))

    def test_the_result_names_them(self):
        device = f"CPU[{ALLOWED[0]}]"
        done = self.embed("--stats", "--device", device, "a text")
        stats = json.loads(done.stderr)
        self.assertEqual((stats["device"], stats["isolation"], stats["threads"]),
                         (device, "process", 1))

    def test_others_are_refused_with_what_there_is(self):
        self.refused(NOT_FOUND, "embed", TINY, "x", "--device", "CPU[1023]",
                     says=("logical CPU 1023", f"it has {ALLOWED[0]}"))
        self.refused(INVALID_ARGUMENT, "embed", TINY, "x", "--device", "CPU[1-0]",
                     says="as in CPU[0-1] or CPU[0,2]")


if __name__ == "__main__":
    unittest.main()
