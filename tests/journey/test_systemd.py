"""accel serve under systemd, whose part the test plays: sockets, notifications, the units."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import unittest
import urllib.request

from program import ACCEL, INVALID_ARGUMENT, NOT_FOUND, OK, PERMISSION_DENIED, TINY, ProgramTest
from server import START_SECONDS

UNITS = pathlib.Path(os.environ.get("ACCEL_UNITS", ""))
# $LISTEN_PID is known to the process itself only.
SHIM = ("import os, sys; os.environ['LISTEN_PID'] = str(os.getpid()); "
        "os.execv(sys.argv[1], sys.argv[1:])")
FIRST_FD = 3


class Systemd(ProgramTest):
    def setUp(self):
        super().setUp()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.settimeout(START_SECONDS)
        self.notify(self.folder / "notify")

    def notify(self, path):
        self.manager.bind(str(path))
        self.address = str(path).replace("\0", "@")

    def listening(self):
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        return listening

    def start_service(self, *arguments, sockets=(), names=None, **variables):
        def hand_over():
            for at, one in enumerate(sockets):
                os.dup2(one.fileno(), FIRST_FD + 100 + at)
            for at in range(len(sockets)):
                os.dup2(FIRST_FD + 100 + at, FIRST_FD + at)
        env = self.environment(NOTIFY_SOCKET=self.address, LISTEN_FDS=str(len(sockets)),
                               **variables)
        if names:
            env["LISTEN_FDNAMES"] = names
        process = subprocess.Popen(
            [sys.executable, "-c", SHIM, ACCEL, "serve", "--precision", "f32",
             *map(str, arguments)], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, preexec_fn=hand_over,
            pass_fds=range(FIRST_FD, FIRST_FD + len(sockets)))
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def told(self, key):
        """The next notification that has `key`, as a dictionary."""
        while True:
            lines = self.manager.recv(4096).decode().split("\n")
            told = dict(line.split("=", 1) for line in lines)
            if key in told:
                return told

    def embed(self, port):
        body = json.dumps({"model": "bert", "input": "a text"}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/embeddings", body,
                                    timeout=START_SECONDS) as answer:
            return answer.status

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertIn("STATUS", self.told("STOPPING"))
        self.assertEqual(process.wait(START_SECONDS), OK)

    def test_a_socket_of_systemds_serves_and_each_state_is_told(self):
        listening = self.listening()
        process = self.start_service(f"bert={TINY}", "--http", "systemd", sockets=[listening])
        self.assertEqual(self.told("STATUS")["STATUS"], "loading bert")
        self.assertEqual(self.told("READY"), {"READY": "1", "STATUS": "ready: bert"})
        port = listening.getsockname()[1]
        self.assertEqual(self.embed(port), 200)
        process.send_signal(signal.SIGHUP)
        self.assertGreater(int(self.told("RELOADING")["MONOTONIC_USEC"]), 0)
        self.told("READY")
        self.assertEqual(self.embed(port), 200)
        self.end(process)

    def test_who_connects_before_the_start_is_answered(self):
        listening = self.listening()
        early = socket.create_connection(listening.getsockname(), timeout=START_SECONDS)
        self.addCleanup(early.close)
        early.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        process = self.start_service(TINY, "--http", "systemd", sockets=[listening])
        self.assertTrue(early.recv(4096).startswith(b"HTTP/1.1 200"))
        self.told("READY")
        self.end(process)

    def test_sockets_have_names_and_one_may_be_a_file(self):
        first, second = self.listening(), socket.socket(socket.AF_UNIX)
        self.addCleanup(second.close)
        second.bind(str(self.folder / "admin.sock"))
        second.listen()
        process = self.start_service(f"bert={TINY}", "--http", "systemd:http", "--admin",
                                     "systemd:admin", sockets=[second, first],
                                     names="admin:http")
        self.told("READY")
        self.assertEqual(self.embed(first.getsockname()[1]), 200)
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as admin:
            admin.connect(str(self.folder / "admin.sock"))
            admin.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            self.assertTrue(admin.recv(4096).startswith(b"HTTP/1.1 200"))
        self.end(process)
        self.assertTrue((self.folder / "admin.sock").exists())  # systemd's, not the program's

    def test_an_abstract_name_and_a_watchdog(self):
        self.manager.close()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.settimeout(START_SECONDS)
        self.notify(f"\0accel-test-{os.getpid()}")
        process = self.start_service(TINY, "--http", "127.0.0.1:0", WATCHDOG_USEC="200000")
        self.told("READY")
        for _ in range(3):
            self.told("WATCHDOG")
        self.end(process)

    def test_what_is_not_there_or_open_to_others_is_refused(self):
        def refused(code, words, *arguments, **options):
            process = self.start_service(TINY, *arguments, **options)
            self.assertEqual(process.wait(START_SECONDS), code)
            self.assertIn(words, process.stderr.read().decode())
        refused(NOT_FOUND, "found none", "--http", "systemd")
        refused(NOT_FOUND, "called 'x'", "--http", "systemd:x", sockets=[self.listening()])
        refused(INVALID_ARGUMENT, "of its own", "--http", "systemd", "--admin", "systemd",
                sockets=[self.listening()])
        everywhere = socket.create_server(("0.0.0.0", 0))
        self.addCleanup(everywhere.close)
        refused(PERMISSION_DENIED, "--public", "--http", "systemd", sockets=[everywhere])
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(datagrams.close)
        datagrams.bind(("127.0.0.1", 0))
        refused(INVALID_ARGUMENT, "socket that listens", "--http", "systemd", sockets=[datagrams])


@unittest.skipUnless(UNITS.name and shutil.which("systemd-analyze"), "no systemd-analyze here")
class Units(ProgramTest):
    def setUp(self):
        super().setUp()
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "accel").symlink_to(ACCEL)
        text = (UNITS / "accel.service.in").read_text(encoding="utf-8")
        self.service = self.folder / "accel.service"
        self.service.write_text(text.replace("@accel_prefix@", str(self.folder)), encoding="utf-8")
        shutil.copy(UNITS / "accel.socket", self.folder)

    def analyze(self, *arguments):
        done = subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True,
                              text=True, check=False, timeout=START_SECONDS)
        return done.returncode, done.stdout + done.stderr

    def test_they_are_units(self):
        code, said = self.analyze("verify", "--man=no", self.service,
                                  self.folder / "accel.socket")
        own = [line for line in said.splitlines() if "accel." in line]
        self.assertEqual((code, own), (0, []), said)

    def test_the_service_may_do_little(self):
        code, said = self.analyze("security", "--offline=yes", "--threshold=30", self.service)
        if "--offline" in said and "unrecognized" in said:
            self.skipTest("this systemd-analyze needs a running systemd")
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"Overall exposure level for accel\.service: [0-2]\.\d")


if __name__ == "__main__":
    unittest.main()
