"""Signed logs, written for a test."""

import json

from acra_twisted.telemetry.logs.chain import END, LAST_WORDS, Chain

KEY = b"a key of the log, 32 bytes long.."


def write(count=5, style="plaintext", previous="none", key=KEY):
    """Return the lines of a whole log: its beginning, ``count`` others, its end."""
    chain = Chain(key, style)
    if style == "json":
        texts = [
            f'{{"msg": "begins", "previous": "{previous}"}}',
            *(f'{{"msg": "number{n}"}}' for n in range(count)),
            json.dumps({"chain": END, "msg": LAST_WORDS[1]}),
        ]
    else:
        texts = [
            f"begins previous={previous}",
            *(f"msg=number{n}" for n in range(count)),
            f'time="now" level=info msg="{LAST_WORDS[1]}" chain={END}',
        ]
    return [chain.sign(text) + "\n" for text in texts]
