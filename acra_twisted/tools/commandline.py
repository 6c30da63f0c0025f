"""Common parts of the tools: flags in the form of Go's tools, the key store, failures."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn, TextIO

from acra_twisted import __version__, purposes
from acra_twisted.config.files import is_to_be_made
from acra_twisted.errors import AcraError, ConfigError, KeyStoreError, raise_together
from acra_twisted.keystore import masterkey
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.lines import printable
from acra_twisted.optionkinds import BOOLEAN
from acra_twisted.options import Line
from acra_twisted.tools import acrawords

_EXTRACTORS = ("distinguished_name", "serial_number")
#: Where tools read their environment and write; replaced by tests.
Environment = MutableMapping[str, str]
#: Asks at the terminal; empty where there is none.
Ask = Callable[[str], str]
#: The exit status of a tool that somebody has interrupted, as shells have it.
INTERRUPTED: Final = 128 + signal.SIGINT
#: Metavars of files' names.
_PATHS: Final = ("FILE", "FOLDER")


class Parser(argparse.ArgumentParser):
    """Mistakes are one line, with the way to help, and status 1.  An argument without a type is
    text in UTF-8, unless it names a file."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options["allow_abbrev"] = False
        self._switches: set[str] = set()
        super().__init__(*args, **options)
        self.register("type", None, _text)

    def add_argument(self, *names: Any, **options: Any) -> Any:
        """argparse: an argument with the metavar FILE or FOLDER is raw."""
        if options.get("metavar") in _PATHS:
            options.setdefault("type", raw)
        return super().add_argument(*names, **options)

    def add_subparsers(self, **options: Any) -> Any:
        """argparse: what stands behind a command is its own parser's to judge."""
        made = super().add_subparsers(**options)
        made.type = raw
        return made

    def error(self, message: str) -> NoReturn:
        """argparse: a mistake on the command line."""
        raise ConfigError(f"{message}; see --help")

    def switch(self, *names: str, help: str) -> None:
        """A flag that is given as ``--name`` or ``--name=true``.  It never takes the next word."""
        flags = [f"--{name}" for name in names]
        self.add_argument(*flags, default=False, type=_boolean, metavar="true|false", help=help)
        self._switches.update(flags)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """argparse: called for a command's parser, too."""
        words = sys.argv[1:] if args is None else list(args)
        end = words.index("--") if "--" in words else len(words)
        words[:end] = [f"{w}=true" if w in self._switches else w for w in words[:end]]
        return super().parse_known_args(words, namespace)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """argparse: called for a whole command line.  Raises ConfigError, with all mistakes."""
        actions: dict[str, list[argparse.Action]] = {}
        for name, action in acrawords.flags_of(self):
            actions.setdefault(name, []).append(action)
        switches = {
            name: found[0].type is _boolean or found[0].nargs == 0
            for name, found in actions.items()
        }
        for name in acrawords.COMMON:
            switches.pop(name, None)
        words = acrawords.split(self.prog, sys.argv[1:] if args is None else args, switches)
        path = words.common.get("config_file", "")
        filed: dict[str, Line] = {}
        dumping = acrawords.asks_for_dump(words.common)
        wrong: list[ConfigError] = []
        if path and not (dumping and is_to_be_made(path)):
            filed, wrong = acrawords.read_file(self.prog, path, actions)
        wrong += acrawords.refusals(self.prog, words.acra, filed)
        if dumping:
            raise_together(wrong)
            found = acrawords.entries(actions, words.given)
            self.exit(0, "".join(acrawords.dump(self.prog, words.common, found)))
        given = None
        try:
            given = super().parse_args(self._behind_command(words.rest, switches), namespace)
        except ConfigError as error:
            wrong.append(error)
        raise_together(wrong)
        return given

    def _behind_command(self, words: list[str], switches: Mapping[str, bool]) -> list[str]:
        """Put flags of the commands that stand in front of the command behind it."""
        moved: list[str] = []
        rest = list(words)
        while rest and rest[0].startswith("--"):
            flag, equals, _ = rest[0].partition("=")
            name = flag.removeprefix("--")
            if name not in switches or flag in self._option_string_actions:
                break
            taken = 1 if equals or switches[name] else 2
            moved += rest[:taken]
            del rest[:taken]
        return [*rest[:1], *moved, *rest[1:]]

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """argparse: end, and say so where answers go."""
        output = standard("stdout")
        output.write(message or "")
        output.flush()
        raise SystemExit(status)

    def key_folders(self, folder: str, public: str) -> None:
        """Where keys are, and where the master key comes from."""
        self.add_argument(
            f"--{folder}", default=".acrakeys", metavar="FOLDER", help="folder of keys"
        )
        self.add_argument(
            f"--{public}",
            default="",
            metavar="FOLDER",
            help="folder of public keys, if it is a different one",
        )
        self.add_argument(
            "--master_key_file", default="", metavar="FILE", help="file with the master key"
        )
        self.add_argument(
            "--master_key_command", default="", type=raw, help="command that prints the master key"
        )


def raw(text: str) -> str:
    """argparse: any bytes, as the system gives them to Python; those that are no UTF-8 become
    surrogates."""
    return text


def _text(text: str) -> str:
    """argparse: text in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("expected text in UTF-8") from None
    return text


def whole_number(text: str) -> int:
    """argparse: a number of a flag's."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, not {text!r}") from None


def number(text: str) -> float:
    """argparse: likewise, with a fraction or without."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, not {text!r}") from None


def _boolean(text: str) -> bool:
    return bool(BOOLEAN.parse(text))


def run(
    program: str,
    main: Callable[[Sequence[str], Environment, TextIO], int | None],
    arguments: Sequence[str] | None = None,
) -> int:
    """A console script: what ``main`` returns or 0, or one line on standard error and the error's
    status, without anything that a terminal would obey."""
    if arguments is None:
        arguments = sys.argv[1:]
    _open_streams()
    try:
        status = main([_two_dashes(word) for word in arguments], os.environ, sys.stdout) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _end_output()
        return 0
    except AcraError as error:
        _complain(program, str(error))
        return error.status
    except OSError as error:
        where = "" if _end_output() else "standard output: "
        _complain(program, where + _of_system(error))
        return 1
    except UnicodeError:
        _complain(program, "an argument, or what was read, is not text in UTF-8")
        return 1
    except EOFError:
        _complain(program, "nothing was typed")
        return 1
    except KeyboardInterrupt:
        _complain(program, "interrupted")
        return INTERRUPTED


def _open_streams() -> None:
    """Have all standard streams, which take and give any characters."""
    for name, errors in (
        ("stdin", "surrogateescape"),
        ("stdout", "backslashreplace"),
        ("stderr", "backslashreplace"),
    ):
        stream = standard(name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _complain(program: str, text: str) -> None:
    """Write lines to standard error, behind all output, if anybody takes them."""
    _end_output()
    with suppress(OSError):
        for line in text.splitlines():
            sys.stderr.write(f"{program}: {printable(line, ' ')}\n")
        sys.stderr.flush()


def _end_output() -> bool:
    """Write what is left of the output; nowhere if nobody takes it, and then False."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def standard(name: str) -> TextIO:
    """Return a standard stream, by its name in `sys`: the null device if it was closed."""
    stream: TextIO | None = getattr(sys, name)
    if stream is not None:
        return stream
    # It is open as long as the tool runs.
    made: TextIO = os.fdopen(os.open(os.devnull, os.O_RDWR), "r" if name == "stdin" else "w")
    setattr(sys, name, made)
    return made


def ask(prompt: str) -> str:
    """Return the line that is typed at the terminal; an empty text where there is none.  An
    interrupt raises KeyboardInterrupt."""
    if not sys.stdin.isatty():
        return ""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, before)


def _of_system(error: OSError) -> str:
    """Return the operating system's message and the file."""
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename is not None else what


def _two_dashes(word: str) -> str:
    """Go takes ``-name`` for ``--name``."""
    single = word[:1] == "-" and word[:2] != "--" and len(word) > 2
    return f"-{word}" if single else word


def add_common(parser: Parser) -> None:
    """Add the flags that every tool has."""
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--config_file",
        default="",
        metavar="FILE",
        help="YAML file with flags, in Acra's format",
    )
    parser.switch(
        "dump_config",
        help="print all flags as such a file; with --config_file write them there",
    )
    parser.switch("generate_markdown_args_table", help="print a table of all flags")


def open_store(folder: str, public: str, given: Any, environment: Environment) -> Any:
    """The key store of a tool.  Raises KeyStoreError."""
    master = masterkey.load(environment, given.master_key_file, given.master_key_command)
    return FilesystemKeyStore(folder, master, public)


def client_id(given: Any) -> str:
    """``--client_id``, or what makes the id of ``--tls_cert``.  Raises KeyStoreError."""
    if given.tls_cert:
        if given.client_id:
            raise KeyStoreError(
                "You can either specify identifier for keys via --client_id or via --tls_cert"
            )
        return from_certificate(given.tls_cert, given.tls_identifier_extractor_type)
    if not purposes.is_client_id(given.client_id):
        raise KeyStoreError(
            "Invalid client ID: 5 to 256 characters of A-Z a-z 0-9 - _ and space are needed"
        )
    return str(given.client_id)


def from_certificate(path: str, kind: str) -> str:
    """The client id of a certificate file (PEM).  Raises KeyStoreError, HandshakeError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from acra_twisted.transport import identity

    with open(path, "rb") as file:
        data = file.read(1 << 20)
    try:
        certificate = x509.load_pem_x509_certificate(data)
    except ValueError:
        raise KeyStoreError(f"--tls_cert: {path} holds no certificate in PEM form") from None
    return identity.client_id_of(certificate.public_bytes(Encoding.DER), kind)


def add_identity(parser: Parser) -> None:
    """``--client_id`` and its alternatives."""
    parser.add_argument("--client_id", default="", help="owner of the keys")
    parser.add_argument(
        "--tls_cert", default="", metavar="FILE", help="take the client id of this certificate"
    )
    add_extractor(parser)


def add_extractor(parser: Parser) -> None:
    """``--tls_identifier_extractor_type``."""
    parser.add_argument(
        "--tls_identifier_extractor_type",
        default="distinguished_name",
        type=_extractor,
        metavar="|".join(_EXTRACTORS),
        help="part of the certificate that makes the client id",
    )


def _extractor(text: str) -> str:
    if text not in _EXTRACTORS:
        # Acra's words; scripts look for them.
        raise argparse.ArgumentTypeError(
            f"invalid identifier extractor type: expected {' or '.join(_EXTRACTORS)}"
        )
    return text
