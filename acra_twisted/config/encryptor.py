"""Declares the options of AcraServer that are about protected columns."""

from __future__ import annotations

from typing import Final

from acra_twisted.optionkinds import BOOLEAN, FILE, NAMES, TEXT, Choice
from acra_twisted.options import Option, Section

ENCRYPTOR: Final = Section(
    "encryptor",
    "Protected columns, whose values the database never sees in clear. A file names them, or "
    "sections [encrypt:TABLE.COLUMN] here. Either adds the stage encryptor, in front of the "
    "decryptor, if stages does not name it. SIGHUP reads them again.",
    (
        Option("encryptor_config_file", FILE, "", "File with the columns, in Acra's YAML."),
        Option(
            "allow_text_columns",
            BOOLEAN,
            False,
            "Accept columns of text for values that are encrypted or masked, which take twice the "
            "room there. Otherwise the log and --schema call for bytea.",
        ),
        Option(
            "trusted_functions",
            NAMES,
            (),
            "Functions of the database that may be called although their code uses a protected "
            "table. AcraServer does not see what they store, be it plaintext. Names as the "
            "database has them, without a schema.",
        ),
        Option(
            "strict_copies",
            BOOLEAN,
            False,
            "Refuse to make a table of the values of protected columns (CREATE TABLE AS, SELECT "
            "INTO). Otherwise it holds them encrypted, and no configuration knows its columns.",
        ),
        Option(
            "ddl_types",
            Choice("refuse", "rewrite"),
            "refuse",
            "Answer to a definition of a protected column with a type of the application's, such "
            "as varchar(80). rewrite: the column gets the type of what is stored.",
        ),
        Option(
            "schema_user",
            TEXT,
            "",
            "Role that --check_config --schema, --probe and acra-doctor log in as, to compare the "
            "database's tables with the configuration. In PostgreSQL it needs no rights; MySQL and "
            "MariaDB show a user only the tables and the code that it has rights on.",
        ),
        Option(
            "schema_password_file",
            FILE,
            "",
            "File with its password in the only line, mode 0600. Without one it has no password.",
        ),
        Option("schema_databases", NAMES, ("postgres",), "Databases whose tables are looked at."),
    ),
)
