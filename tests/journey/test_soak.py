"""accel serve under everything at a time, for half a minute or $ACCEL_SOAK_SECONDS; from five
minutes on memory must not grow. `./dev ship` gives it five minutes."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

from program import TINY, ProgramTest
from server import Server
from soak import MemoryMeter, Soak

SECONDS = float(os.environ.get("ACCEL_SOAK_SECONDS", 30))
# Of an hour, and of a few minutes: what arenas hold differs by 4 % from one minute to another.
GROWTH_MAX = 0.01
GROWTH_MAX_SOON = 0.05


class Meter(unittest.TestCase):
    """A process that leaks is told from one that does not."""

    def growth(self, script):
        head = "import sys, time; kept = [bytearray(b'x' * (30 << 20))]; print('up', flush=True)\n"
        with subprocess.Popen([sys.executable, "-c", head + script],
                              stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            meter = MemoryMeter(process.pid)
            end = time.monotonic() + 4
            while time.monotonic() < end:
                meter.look()
                time.sleep(0.02)
            process.kill()
        return meter.growth()

    def test_a_leak_is_seen(self):
        leak = "while True: kept.append(bytearray(b'x' * (1 << 20))); time.sleep(0.2)"
        self.assertGreater(self.growth(leak), GROWTH_MAX)

    def test_work_is_no_leak(self):
        work = "while True: bytearray(b'x' * (1 << 20)); time.sleep(0.2)"
        self.assertLess(self.growth(work), GROWTH_MAX)


class Soaking(ProgramTest):
    # row 225 (partial: five minutes in `./dev ship`; an hour by $ACCEL_SOAK_SECONDS)
    def test_nothing_is_wrong_lost_or_kept(self):
        options = self.folder / "models.yaml"

        def write(turn):
            models = {"spare": {"model_path": str(TINY)},
                      "moved": {"model_path": str(TINY), "isolation": "process"}}
            if turn % 2:
                models[f"guest{turn % 10}"] = {"model_path": str(TINY)}
            new = self.folder / "new.yaml"
            new.write_text(json.dumps({"model_overrides": models}), encoding="utf-8")
            new.replace(options)

        write(0)
        server = Server(f"bert={TINY}", env=self.environment(),
                        options=("--precision", "f32", "--config", options))
        self.addCleanup(server.kill)

        def reload(turn):
            write(turn)
            server.process.send_signal(signal.SIGHUP)

        soak = Soak(server, reload)
        soak.run(SECONDS)
        self.assertIsNone(server.process.poll(), server.said)
        self.assertEqual(soak.faults(), [])
        for name, count in soak.counts().items():
            self.assertGreater(count, 0, name)
        growth = soak.meter.growth()
        print(f"{SECONDS:.0f} s: {sum(soak.counts().values())} requests, {soak.injected} workers "
              f"killed, {soak.meter.samples[-1][1]:.1f} MiB, {100 * growth:+.2f} %",
              file=sys.stderr)
        if SECONDS >= 300:
            self.assertLess(growth, GROWTH_MAX if SECONDS >= 3600 else GROWTH_MAX_SOON)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
