"""Authorities and what they sign, made by the program openssl."""
import shutil
import subprocess
import unittest

needs_openssl = unittest.skipUnless(shutil.which("openssl"), "the program openssl is not here")


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """Its certificate is FOLDER/NAME.pem."""

    def __init__(self, folder, name="authority"):
        self.folder = folder
        self.pem, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        openssl("req", "-x509", *self._new_key(self.key), "-days", 2, "-subj", f"/CN={name}",
                "-out", self.pem)

    @staticmethod
    def _new_key(path, kind="ec"):
        kinds = {"ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
                 "rsa": ("-newkey", "rsa:2048")}
        return (*kinds[kind], "-nodes", "-keyout", path)

    def issue(self, name="server", host="IP:127.0.0.1", days=2, kind="ec"):
        """The files of a certificate for `host`, expired with days=-1, and of its key."""
        pem, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, more = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        more.write_text(f"subjectAltName={host}\n")
        openssl("req", "-new", *self._new_key(key, kind), "-subj", f"/CN={name}", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key, "-days", days,
                "-CAcreateserial", "-extfile", more, "-out", pem)
        return pem, key
