"""An authority of the sandbox that takes certificates back: by a list, and by a responder."""

import datetime
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from acra_twisted.sandbox.authority import Authority
from acra_twisted.transport.authority import encode_key

_DAY = datetime.timedelta(days=1)


class RevokingAuthority(Authority):
    """``list_path`` is its revocation list, which `revoke` writes anew."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.list_path = folder / "revoked.crl"
        self._issued: dict[Path, x509.Certificate] = {}
        self._revoked: set[int] = set()
        self._write_list()

    @property
    def url(self) -> str:
        """The list's address."""
        return f"file://{self.list_path}"

    def issue(self, name, **options):
        """See Authority."""
        pair = super().issue(name, **options)
        self._issued[pair[0]] = x509.load_pem_x509_certificate(pair[0].read_bytes())
        return pair

    def revoke(self, *certificates: Path) -> None:
        """Take certificates back, besides those that have been before."""
        self._revoked.update(self._issued[path].serial_number for path in certificates)
        self._write_list()

    def pardon(self) -> None:
        """Take nothing back."""
        self._revoked.clear()
        self._write_list()

    def _write_list(self) -> None:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateRevocationListBuilder(
            self.certificate.subject, now - _DAY, now + _DAY
        ).add_extension(x509.CRLNumber(1), False)
        for serial in self._revoked:
            entry = x509.RevokedCertificateBuilder(serial, now - _DAY).build()
            builder = builder.add_revoked_certificate(entry)
        made = builder.sign(self._made.key, hashes.SHA256())
        partial = self.list_path.with_suffix(".tmp")
        partial.write_bytes(made.public_bytes(serialization.Encoding.DER))
        partial.replace(self.list_path)

    def index(self) -> str:
        """Return the issued and the revoked certificates in the form of openssl's index."""
        lines = []
        for path, certificate in self._issued.items():
            end = f"{certificate.not_valid_after_utc:%y%m%d%H%M%SZ}"
            begin = f"{certificate.not_valid_before_utc:%y%m%d%H%M%SZ}"
            revoked = certificate.serial_number in self._revoked
            state, since = ("R", begin) if revoked else ("V", "")
            serial = f"{certificate.serial_number:X}"
            serial = serial.zfill(len(serial) + len(serial) % 2)
            lines.append(f"{state}\t{end}\t{since}\t{serial}\tunknown\t/CN={path.stem}\n")
        return "".join(lines)

    def key_path(self) -> Path:
        """The path of its key, for openssl."""
        path = self.folder / "ca.key"
        path.touch(0o600)
        path.write_bytes(encode_key(self._made.key))
        return path


class Responder:
    """A responder on loopback.  HTTP is Python's, for openssl's own takes one client at a time;
    each answer is openssl's."""

    def __init__(self, authority: RevokingAuthority) -> None:
        self._authority = authority
        self._key = authority.key_path()
        responder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = responder.answer(body)
                self.send_response(200)
                self.send_header("content-type", "application/ocsp-response")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, asked: bytes) -> bytes:
        """Answer a question by what is revoked now."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "index.txt").write_text(self._authority.index())
            (folder / "asked").write_bytes(asked)
            authority = str(self._authority.path)
            subprocess.run(
                ["openssl", "ocsp", "-index", "index.txt", "-ndays", "1", "-CA", authority]
                + ["-rsigner", authority, "-rkey", str(self._key)]
                + ["-reqin", "asked", "-respout", "answer"],
                cwd=folder,
                check=True,
                capture_output=True,
            )
            return (folder / "answer").read_bytes()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
