"""accel serve over HTTP/2, as curl speaks it: by prior knowledge, and settled by TLS."""
import json
import shutil
import signal
import subprocess
import unittest

from program import OK, TINY, ProgramTest
from server import START_SECONDS, Server
from test_embed import TEXTS

CURL = shutil.which("curl")
HAS_HTTP2 = CURL is not None and "HTTP2" in subprocess.run(
    [CURL, "--version"], capture_output=True, text=True, check=False).stdout
EMBED = json.dumps({"model": "bert", "input": TEXTS})


@unittest.skipUnless(HAS_HTTP2, "a curl that speaks HTTP/2 is not here")
class Http2(ProgramTest):
    def serve(self, *options, **more):
        server = Server(f"bert={TINY}", env=self.environment(),
                        options=("--precision", "f32", *map(str, options)), **more)
        self.addCleanup(server.kill)
        return server

    def curl(self, *arguments, code=0):
        """The bodies, and a line of version and status behind each."""
        done = subprocess.run([CURL, "--silent", "--show-error", "--max-time", str(START_SECONDS),
                               "--write-out", "\n%{http_version} %{http_code}\n",
                               *map(str, arguments)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout.splitlines()

    def test_answers_are_those_of_http_1(self):
        server = self.serve()
        url = server.url + "/v1/embeddings"
        version, former = {}, None
        for option in ("--http1.1", "--http2-prior-knowledge"):
            body, version[option] = self.curl(option, "--data", EMBED, url)
            vectors = [one["embedding"] for one in json.loads(body)["data"]]
            former = former or vectors
            self.assertEqual(len(vectors), len(TEXTS))
            for one, expected in zip(vectors, former):
                self.assertClose(one, expected)
        self.assertEqual(version, {"--http1.1": "1.1 200", "--http2-prior-knowledge": "2 200"})

    def test_large_bodies_refusals_and_an_orderly_end(self):
        server = self.serve()
        large = self.folder / "large.json"
        large.write_text(json.dumps({"model": "bert", "input": ["a text " * 40] * 2000}))
        said = self.curl("--http2-prior-knowledge", "--data-binary", f"@{large}",
                         server.url + "/v1/embeddings")
        self.assertEqual(said[-1], "2 200")
        self.assertEqual(len(json.loads(said[0])["data"]), 2000)
        self.assertEqual(self.curl("--http2-prior-knowledge", server.url + "/none")[-1], "2 404")
        self.assertEqual(self.curl("--http2-prior-knowledge", "--head",
                                   server.url + "/livez")[-1], "2 200")
        # One that asks for an upgrade gets its answer as it asked.
        self.assertEqual(self.curl("--http2", server.url + "/livez")[-1], "1.1 200")
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(START_SECONDS), OK)

    @unittest.skipUnless(shutil.which("openssl"), "the program openssl is not here")
    def test_tls_settles_on_it(self):
        certificate, key = self.folder / "server.pem", self.folder / "server.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-out", certificate, "-keyout", key], check=True, capture_output=True)
        server = self.serve("--tls-certificate", certificate, "--tls-key", key, scheme="https")
        for option, version in (("--http2", "2 200"), ("--http1.1", "1.1 200")):
            said = self.curl("--cacert", certificate, option, "--data", EMBED,
                             server.url + "/v1/embeddings")
            self.assertEqual(said[-1], version)
            self.assertEqual(len(json.loads(said[0])["data"]), len(TEXTS))
        # By prior knowledge curl 7.88 does not use a connection twice.
        many = self.curl("--cacert", certificate, "--http2", "--parallel", "--parallel-max", "50",
                         f"{server.url}/v1/models?n=[1-200]")
        self.assertEqual(many.count("2 200"), 200)


if __name__ == "__main__":
    unittest.main()
