"""A responder whose answers are OpenSSL's: ``openssl ocsp`` behind an HTTP server on loopback.

OpenSSL's own listener would be reachable from everywhere.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET


class Responder(Resource):
    """Answers about the certificates of a `Revoker`; ``options`` are for ``openssl ocsp``.

    ``signer`` is what it signs with, anything with a certificate and a key, else the authority.
    """

    isLeaf = True

    def __init__(self, revoker, *options, signer=None, good=(), revoked=()):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="acra-ocsp-"))
        self.options = options
        self.count = 0
        signer = signer or revoker.authority
        self._write("ca.pem", revoker.certificate.public_bytes(serialization.Encoding.PEM))
        self._write("signer.pem", signer.certificate.public_bytes(serialization.Encoding.PEM))
        self._write(
            "signer.key",
            signer.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        lines = [self._line("V", leaf, "") for leaf in good]
        lines += [self._line("R", leaf, "251101000000Z,keyCompromise") for leaf in revoked]
        self._write("index.txt", "".join(lines).encode())

    def _write(self, name, data):
        (self.folder / name).write_bytes(data)

    def _line(self, letter, leaf, since):
        serial = f"{leaf.certificate.serial_number:04X}"
        return f"{letter}\t491231235959Z\t{since}\t{serial}\tunknown\t/CN=peer\n"

    def render_POST(self, request):
        """Answer one question."""
        asked = request.content.read()

        async def answered():
            body = await deferToThread(self.answer, asked)
            request.setHeader("content-type", "application/ocsp-response")
            request.write(body)
            request.finish()

        ensureDeferred(answered())
        return NOT_DONE_YET

    def answer(self, asked):
        """Return OpenSSL's answer to a question."""
        self.count += 1
        question, answer = (self.folder / f"{self.count}.{kind}" for kind in ("req", "resp"))
        question.write_bytes(asked)
        command = ["openssl", "ocsp", "-index", "index.txt", "-CA", "ca.pem"]
        command += ["-rsigner", "signer.pem", "-rkey", "signer.key"]
        command += ["-reqin", str(question), "-respout", str(answer), *self.options]
        subprocess.run(command, check=True, cwd=self.folder, capture_output=True)
        return answer.read_bytes()

    def remove(self):
        """Remove its files."""
        shutil.rmtree(self.folder)
