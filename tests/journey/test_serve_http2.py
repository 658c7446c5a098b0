"""accel serve over HTTP/2, as curl speaks it: by prior knowledge, and settled by TLS."""
import contextlib
import json
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
import unittest
import urllib.request

from program import OK, TINY, ProgramTest
from server import START_SECONDS, Server, needs_clients
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


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def head(stream, path):
    """HEADERS with END_STREAM; its fields in literal form (RFC 7541, section 6.2.2)."""
    fields = ((b":method", b"GET"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x"))
    block = b"".join(b"\0" + bytes([len(text)]) + text if i % 2 == 0 else bytes([len(text)]) + text
                     for i, text in enumerate(part for field in fields for part in field))
    return frame(1, 5, stream, block)


class Cancelling(ProgramTest):
    """What a client may begin and cancel on one connection."""

    def serve(self, *options):
        server = Server(f"bert={TINY}", env=self.environment(),
                        options=("--precision", "f32", *options))
        self.addCleanup(server.kill)
        return server

    def count(self, server, metric):
        with urllib.request.urlopen(server.url + "/metrics", timeout=START_SECONDS) as answer:
            return int(re.search(rf"\n{metric} (\d+)\n", answer.read().decode())[1])

    @needs_clients
    def test_an_honest_client_may_cancel_many_calls(self):
        """More at once than nghttp2 by itself lets pass, 1,000."""
        import grpc
        from tritonclient.grpc import service_pb2, service_pb2_grpc
        server = self.serve("--queue-seconds", str(START_SECONDS))
        asked = service_pb2.ModelInferRequest(model_name="bert")
        text = asked.inputs.add(name="text", datatype="BYTES", shape=[100])
        text.contents.bytes_contents.extend([b"a text " * 20] * 100)
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            stub.ModelInfer(asked, timeout=START_SECONDS)
            accepted = "accel_http_connections_accepted_total"
            before, looks = self.count(server, accepted), 0
            for _ in range(5):
                calls = [stub.ModelInfer.future(asked, timeout=START_SECONDS) for _ in range(600)]
                deadline = time.monotonic() + START_SECONDS
                while self.count(server, "accel_requests_in_flight") < 500:
                    self.assertLess(time.monotonic(), deadline)
                    looks += 1
                looks += 1
                for call in calls:
                    call.cancel()
            stub.ModelInfer(asked, timeout=START_SECONDS)
            # Each look had a connection, and the channel no other than its first.
            self.assertEqual(self.count(server, accepted), before + looks + 1)
            self.assertGreater(self.count(server, "accel_http_requests_abandoned_total"), 2000)
        self.assertEqual(server.stop(), OK)

    def test_whoever_only_cancels_is_sent_away(self):
        server = self.serve()
        with socket.create_connection(("127.0.0.1", server.port), START_SECONDS) as client:
            client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
            said, stream = b"", 1
            with contextlib.suppress(OSError):  # it is closed meanwhile
                while stream < 200_000:
                    many = range(stream, stream + 2000, 2)
                    client.sendall(b"".join(head(one, b"/livez") + frame(3, 0, one, b"\0\0\0\x08")
                                            for one in many))
                    stream += 2000
            with contextlib.suppress(OSError):
                while more := client.recv(65536):
                    said += more
        # GOAWAY: the last stream that it has looked at, and ENHANCE_YOUR_CALM.
        goaway = re.search(rb"\0\0\x08\x07\0\0\0\0\0(....)\0\0\0\x0b", said, re.DOTALL)
        self.assertIsNotNone(goaway, said[-100:])
        last, = struct.unpack(">I", goaway[1])
        self.assertGreater(last, 2 * 10_000)  # streams of clients are odd
        self.assertLess(last, 100_000)
        self.assertEqual(self.count(server, "accel_http_requests_malformed_total"), 1)
        self.assertEqual(server.stop(), OK)


if __name__ == "__main__":
    unittest.main()
