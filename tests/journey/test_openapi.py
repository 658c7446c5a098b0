"""What /openapi.json says is true: schemathesis asks a server what fits it and what does not."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from program import DATA, SANITIZED, TINY
from server import CLIENTS, ServerTest, needs_clients
from test_embed import TEXTS, recorded_embeddings

HERE = pathlib.Path(__file__).resolve().parent
SEED = 1
# Of each operation, beside some 2,500 cases that its schema names.
EXAMPLES = 2 if SANITIZED else 30
PHASES = "examples,fuzzing" if SANITIZED else "examples,coverage,fuzzing,stateful"


@needs_clients
class OpenApi(ServerTest):
    MODELS = (f"bert={TINY}", f"classifier={DATA / 'golden' / 'distilbert-seqcls'}",
              f"speech={DATA / 'golden' / 'wav2vec2-ctc'}")

    def schemathesis(self):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((CLIENTS, str(HERE)))}
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "schemathesis.cli",
                 "--config-file", HERE / "schemathesis.toml", "run",
                 f"{self.server.url}/openapi.json", "--checks", "all", "--phases", PHASES,
                 "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--continue-on-failure",
                 "--no-shrink"],
                cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True)

    def test_requests_of_the_file_and_others(self):
        done = self.schemathesis()
        self.assertEqual(done.returncode, 0, done.stdout[-20_000:])
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(self.get("/readyz").status, 200)
        self.assertEqual([one["id"] for one in self.get("/v1/models").json()["data"]],
                         ["bert", "default", "classifier", "speech"])
        answer = self.post("/v1/embeddings", {"model": "bert", "input": TEXTS})
        for one, expected in zip(answer.json()["data"], recorded_embeddings(), strict=True):
            self.assertClose(one["embedding"], expected)


if __name__ == "__main__":
    unittest.main()
