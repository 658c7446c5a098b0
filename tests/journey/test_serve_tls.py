"""accel serve over TLS: what it offers, what it refuses, and how it says so."""
import contextlib
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import unittest
import urllib.request

from certificates import Authority, needs_openssl
from program import INVALID_ARGUMENT, OK, SANITIZED, TINY, UNAVAILABLE, ProgramTest
from server import CLIENTS, START_SECONDS, Server

TESTSSL = pathlib.Path(CLIENTS).parent / "testssl"
# For a key of RSA: forward secrecy and authenticated encryption.
CIPHERS = {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
           "ECDHE-RSA-CHACHA20-POLY1305"}
SUITES = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
ANY = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


class TlsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)

    def serve(self, certificate, key, *options):
        server = Server(f"bert={TINY}", env=self.environment(), scheme="https",
                        options=("--precision", "f32", "--tls-certificate", certificate,
                                 "--tls-key", key, *map(str, options)))
        self.addCleanup(server.kill)
        return server

    def s_client(self, server, *options, said=""):
        """All that `openssl s_client` says of a handshake."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile",
             self.authority.pem, *map(str, options)], input=said, text=True, check=False,
            capture_output=True, timeout=START_SECONDS)
        return done.stdout + done.stderr


def settled(said):
    """(version, cipher) of a handshake that was one."""
    found = re.search(r"^New, (\S+), Cipher is (\S+)$", said, re.MULTILINE)
    return None if found is None or found[2] == "(NONE)" else (found[1], found[2])


@needs_openssl
class Offers(TlsTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve(*self.authority.issue(kind="rsa"))

    def test_versions(self):
        for option in ("-tls1", "-tls1_1"):
            said = self.s_client(self.server, option, "-cipher", ANY)
            self.assertIsNone(settled(said), said)
            self.assertIn("alert protocol version", said)
        for option, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            said = self.s_client(self.server, option)
            self.assertEqual(settled(said)[0], version)
            self.assertIn("Verify return code: 0 (ok)", said)

    def test_ssl_3_which_no_client_speaks_any_more(self):
        ciphers = bytes.fromhex("c030c02f002f0035000a")
        hello = (b"\x03\x00" + bytes(32) + b"\x00" + struct.pack(">H", len(ciphers)) + ciphers
                 + b"\x01\x00")
        hello = b"\x01" + struct.pack(">I", len(hello))[1:] + hello
        with socket.create_connection(("127.0.0.1", self.server.port), START_SECONDS) as client:
            client.sendall(b"\x16\x03\x00" + struct.pack(">H", len(hello)) + hello)
            answer = client.recv(100)
        self.assertEqual((answer[0], answer[-2:]), (21, b"\x02\x28"))  # handshake_failure

    def taken(self, *options, flag, every):
        """What the server takes of these, one after the other, in its order."""
        found, left = [], list(every)
        while left:
            said = self.s_client(self.server, *options, flag, ":".join([*left, *(
                ["@SECLEVEL=0"] if flag == "-cipher" else [])]))
            if settled(said) is None:
                break
            found.append(settled(said)[1])
            left.remove(found[-1])
        return found

    def test_ciphers(self):
        every = subprocess.run(["openssl", "ciphers", "-tls1_2", "-s", ANY], check=True, text=True,
                               capture_output=True).stdout.strip().split(":")
        self.assertGreater(len(every), 20)
        self.assertLess({"AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", *CIPHERS}, set(every))
        found = self.taken("-tls1_2", flag="-cipher", every=every)
        self.assertEqual(set(found), CIPHERS)
        suites = [*SUITES, "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"]
        found = self.taken("-tls1_3", flag="-ciphersuites", every=suites)
        self.assertEqual(set(found), SUITES)

    def test_neither_compression_nor_renegotiation(self):
        said = self.s_client(self.server, "-tls1_2", "-comp", said="R\n")
        self.assertIn("Compression: NONE", said)
        self.assertIn("Secure Renegotiation IS supported", said)
        self.assertIn("RENEGOTIATING", said)
        self.assertIn("no renegotiation", said)

    def test_protocols(self):
        for offered, chosen in (("h2,http/1.1", "h2"), ("http/1.1,h2", "h2"), ("h2", "h2"),
                                ("http/1.1", "http/1.1"), ("spdy/1,http/1.1", "http/1.1")):
            self.assertIn(f"ALPN protocol: {chosen}\n",
                          self.s_client(self.server, "-alpn", offered), offered)
        said = self.s_client(self.server, "-alpn", "spdy/1")
        self.assertIsNone(settled(said), said)
        self.assertIn("no application protocol", said)
        self.assertIn("No ALPN negotiated", self.s_client(self.server))

    def test_handshakes_that_do_not_end_are_ended(self):
        hello = ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=self.authority.pem)
        half = context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
        with self.assertRaises(ssl.SSLWantReadError):
            half.do_handshake()
        hello = hello.read()
        with contextlib.ExitStack() as stack:
            clients = []
            for said in (b"", hello[:1], hello[:100], hello):
                clients.append(stack.enter_context(
                    socket.create_connection(("127.0.0.1", self.server.port), START_SECONDS)))
                clients[-1].sendall(said)
            for client in clients:
                while client.recv(65536):
                    pass
        with urllib.request.urlopen(self.server.url + "/metrics", context=context) as answer:
            metrics = answer.read().decode()
        self.assertIn("accel_http_timeouts_total 4\n", metrics)
        left = float(re.search(r"\naccel_tls_certificate_seconds_left (\S+)\n", metrics)[1])
        self.assertTrue(86_400 < left < 2 * 86_400, left)

    @unittest.skipIf(SANITIZED, "it would find the same, and is slow")
    @unittest.skipUnless((TESTSSL / "usr/bin/testssl").exists(), "testssl.sh is not here")
    def test_what_testssl_finds(self):
        # It wants a resolver, though it is told to ask none.
        resolver = self.folder / "host"
        resolver.write_text("#!/bin/sh\nexit 1\n")
        resolver.chmod(0o755)
        report = self.folder / "report.json"
        done = subprocess.run(
            ["bash", TESTSSL / "usr/bin/testssl", "--warnings", "batch", "--nodns", "none",
             "--color", "0", "-p", "-s", "-R", "-C",  # versions to compression
             "--heartbleed",
             "--jsonfile", report, f"127.0.0.1:{self.server.port}"],
            env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}",
                 "TESTSSL_INSTALL_DIR": str(TESTSSL / "etc/testssl")},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertTrue(report.exists(), done.stdout)
        found = {one["id"]: (one["severity"], one["finding"])
                 for one in json.loads(report.read_text())}
        found.pop("engine_problem", None)  # of this machine's openssl
        bad = {name: one for name, one in found.items() if one[0] not in ("OK", "INFO")}
        self.assertEqual(bad, {})
        for name, word in (("SSLv2", "not offered"), ("SSLv3", "not offered"),
                           ("TLS1", "not offered"), ("TLS1_1", "not offered"),
                           ("TLS1_2", "offered"), ("TLS1_3", "offered with final"),
                           ("cipherlist_AVERAGE", "not offered"), ("cipherlist_STRONG", "offered"),
                           ("secure_client_renego", "not vulnerable"),
                           ("CRIME_TLS", "not vulnerable"), ("heartbleed", "not vulnerable")):
            self.assertIn(word, found[name][1][:len(word)], (name, found[name]))


@needs_openssl
class Certificates(TlsTest):
    def test_clients_are_told_what_is_wrong_with_theirs(self):
        clients = Authority(self.folder, "clients")
        server = self.serve(*self.authority.issue(), "--tls-clients", clients.pem)
        ask = "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

        def answer(version, certificate=None, key=None):
            shown = ("-cert", certificate, "-key", key) if certificate else ()
            return self.s_client(server, version, "-ign_eof", *shown, said=ask)

        for version in ("-tls1_2", "-tls1_3"):
            said = answer(version, *clients.issue("fine"))
            self.assertIn("HTTP/1.1 200", said)
            self.assertIn("CN = clients", said)  # whom to be signed by
            for words, identity in (
                    ("certificate required|handshake failure", ()),
                    ("alert certificate expired", clients.issue("late", days=-1)),
                    ("alert unknown ca", self.authority.issue("foreign"))):
                said = answer(version, *identity)
                self.assertNotIn("HTTP/1.1", said)
                self.assertRegex(said, words)

    def test_the_servers_own_that_has_expired(self):
        late, late_key = self.authority.issue("late", days=-1)
        self.refused(INVALID_ARGUMENT, "serve", TINY, "--http", "127.0.0.1:0", "--tls-certificate",
                     late, "--tls-key", late_key, says=("late.pem", "expired", "renew it"))
        certificate, key = self.authority.issue()
        server = self.serve(certificate, key)
        late_key.replace(key)
        late.replace(certificate)
        server.wait_for(r"server\.pem: (stays as it was): .*has expired; renew it")
        self.assertIn("Verify return code: 0 (ok)", self.s_client(server))


@needs_openssl
class Clients(TlsTest):
    """accel itself as the client."""

    def without_authorities(self, **changes):
        names = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
        return {**{name: value for name, value in self.environment().items() if name not in names},
                **changes}

    def ask(self, server, *options, **more):
        return self.accel("run", "bert", "a text", "--server", server.url, *options, **more)

    def test_a_server_that_is_trusted_answers(self):
        server = self.serve(*self.authority.issue())
        trusted = ("--ca-file", self.authority.pem)
        self.assertEqual(json.loads(self.ask(server, *trusted).stdout)["status"], "OK")
        self.accel("embed", "bert", "a text", "--server", server.url, *trusted)
        self.accel("similarity", "bert", "a", "b", "--server", server.url, *trusted)
        self.accel("top", "--once", "--json", "--server", server.url, *trusted)
        self.ask(server, env=self.without_authorities(SSL_CERT_FILE=str(self.authority.pem)))

    def test_why_it_is_not_trusted_is_said(self):
        server = self.serve(*self.authority.issue())
        another = Authority(self.folder, "another")
        junk = self.folder / "junk.pem"
        junk.write_text("no certificate")

        def refused(server, says, *options):
            done = self.ask(server, *options, code=UNAVAILABLE, env=self.without_authorities())
            self.assertEqual(done.stdout, b"")
            for words in (server.url, *says):
                self.assertIn(words, done.stderr)

        refused(server, ["this system trusts", "SSL_CERT_FILE"])
        refused(server, [f"an authority in {another.pem} vouches for"], "--ca-file", another.pem)
        refused(server, ["in PEM", "junk.pem"], "--ca-file", junk)
        refused(server, ["in PEM", "none.pem"], "--ca-file", self.folder / "none.pem")
        trusted = ("--ca-file", self.authority.pem)
        elsewhere = self.serve(*self.authority.issue("elsewhere", host="DNS:elsewhere.test"))
        refused(elsewhere, ["the server's certificate is for"], *trusted)
        plain = Server(f"bert={TINY}", env=self.environment())
        self.addCleanup(plain.kill)
        plain.scheme = "https"
        refused(plain, ["TLS", "http://"], *trusted)

    def test_a_certificate_that_has_expired(self):
        """accel serve takes none: another server has it."""
        certificate, key = self.authority.issue(days=-1)
        port = socket.create_server(("127.0.0.1", 0))
        number = port.getsockname()[1]
        port.close()
        other = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{number}", "-cert",
                                  certificate, "-key", key, "-www"], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(self._end, other)
        while b"ACCEPT" not in other.stdout.readline():
            self.assertIsNone(other.poll())
        done = self.accel("run", "bert", "a text", "--server", f"https://127.0.0.1:{number}",
                          "--ca-file", self.authority.pem, code=UNAVAILABLE)
        self.assertIn("expired", done.stderr)
        self.assertIn("new certificate", done.stderr)


if __name__ == "__main__":
    unittest.main()
