"""The load generators that others measure servers with: they find what they expect, and all of
their requests are answered."""
import os
import re
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from server import CLIENTS, ServerTest, needs_clients
from test_embed import TEXTS, recorded_embeddings

ANALYZER = Path(CLIENTS).parent / "perf_analyzer"
CONCURRENCY = 4
SHAPES = ("input_ids", "attention_mask", "token_type_ids", "position_ids")


@unittest.skipUnless((ANALYZER / "bin/perf_analyzer").exists(), "perf_analyzer is not here")
class PerfAnalyzer(ServerTest):
    """Triton's."""

    def measure(self, *options):
        command = [ANALYZER / "bin/perf_analyzer", "-m", "bert", "-u",
                   f"127.0.0.1:{self.server.port}", "--input-data", "zero", "-p", "500",
                   "--stability-percentage", "999", "--max-trials", "3",
                   "--concurrency-range", str(CONCURRENCY), *options]
        for name in SHAPES:
            command += ["--shape", f"{name}:1,8"]
        libraries = ANALYZER / "nvidia/cuda_runtime/lib"
        done = subprocess.run(command, capture_output=True, text=True, timeout=240,
                              env={**os.environ, "LD_LIBRARY_PATH": str(libraries)})
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said)
        client, server = said.split("Server:")
        asked = int(re.search(r"Request count: (\d+)", client).group(1))
        counted = int(re.search(r"Inference count: (\d+)", server).group(1))
        self.assertGreater(asked, CONCURRENCY)
        # It reads the server's count at both ends of its window, while requests are under way.
        self.assertGreaterEqual(counted, asked - CONCURRENCY)

    def test_over_http(self):
        self.measure("-i", "http")

    def test_over_grpc(self):
        self.measure("-i", "grpc")

    def test_in_a_stream(self):
        self.measure("-i", "grpc", "--streaming", "--async")


@needs_clients
class LoadGen(ServerTest):
    """MLCommons', which MLPerf measures with: a sample is a text, its answer an embedding."""

    def setUp(self):
        super().setUp()
        self.wrong = []
        self.samples = 0

    def embed(self, queries):
        """One request; each answer is compared with what was recorded of its text."""
        import mlperf_loadgen as loadgen
        rows = self.post("/v1/embeddings", {"model": "bert",
                                            "input": [TEXTS[one.index] for one in queries]}).json()
        responses = []
        for query, row in zip(queries, rows["data"], strict=True):
            expected = recorded_embeddings()[query.index]
            if max(abs(a - b) for a, b in zip(row["embedding"], expected, strict=True)) > 1e-4:
                self.wrong.append(query.index)
            responses.append(loadgen.QuerySampleResponse(query.id, 0, 0))
        self.samples += len(queries)
        loadgen.QuerySamplesComplete(responses)

    def run_scenario(self, settings, issue):
        import mlperf_loadgen as loadgen
        with tempfile.TemporaryDirectory() as folder:
            output = loadgen.LogOutputSettings()
            output.outdir = folder
            output.copy_summary_to_stdout = False
            logs = loadgen.LogSettings()
            logs.log_output = output
            logs.enable_trace = False
            sut = loadgen.ConstructSUT(issue, lambda: None)
            library = loadgen.ConstructQSL(len(TEXTS), len(TEXTS), lambda _: None, lambda _: None)
            try:
                loadgen.StartTestWithLogSettings(sut, library, settings, logs)
            finally:
                loadgen.DestroyQSL(library)
                loadgen.DestroySUT(sut)
            return (Path(folder) / "mlperf_log_summary.txt").read_text(encoding="utf-8")

    def settings(self, scenario):
        import mlperf_loadgen as loadgen
        settings = loadgen.TestSettings()
        settings.scenario = scenario
        settings.mode = loadgen.TestMode.PerformanceOnly
        settings.min_duration_ms = 1000
        return settings

    def test_server_scenario(self):
        import mlperf_loadgen as loadgen
        settings = self.settings(loadgen.TestScenario.Server)
        settings.server_target_qps = 100
        settings.server_target_latency_ns = 20_000_000_000  # sanitizers are slow
        settings.min_query_count = 500  # fewer are too few to it for the 99th percentile
        with ThreadPoolExecutor(8) as pool:
            summary = self.run_scenario(settings, lambda queries: pool.submit(self.embed, queries))
        self.assertIn("Result is : VALID", summary)
        self.assertEqual(self.wrong, [])
        self.assertGreaterEqual(self.samples, 500)

    def test_offline_scenario(self):
        import mlperf_loadgen as loadgen
        settings = self.settings(loadgen.TestScenario.Offline)
        settings.offline_expected_qps = 100
        settings.min_duration_ms = 0
        with ThreadPoolExecutor(1) as pool:
            summary = self.run_scenario(settings, lambda queries: pool.submit(self.embed, queries))
        self.assertIn("Result is : VALID", summary)
        self.assertEqual(self.wrong, [])
        self.assertGreater(self.samples, 0)


if __name__ == "__main__":
    unittest.main()
