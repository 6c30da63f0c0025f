"""The bill of materials of a release (CycloneDX 1.6): what it runs with, and on what terms.

The versions are those of the environment that this runs in: those that were tested together.
"""

from __future__ import annotations

import json
import uuid
from importlib.metadata import Distribution, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_SPACE = uuid.UUID("9d5c6e0e-5b1c-4f63-9f55-0f1a5a3b8a35")


def closure(name: str) -> dict[str, tuple[Distribution, tuple[str, ...]]]:
    """A distribution and all that it needs where it runs, with the names each of them needs."""
    found: dict[str, tuple[Distribution, tuple[str, ...]]] = {}
    waiting = [(canonicalize_name(name), frozenset[str]())]
    seen = set()
    while waiting:
        wanted = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        key, extras = wanted
        here = distribution(key)
        needs = [Requirement(text) for text in here.requires or ()]
        chosen = [one for one in needs if _applies(one, extras)]
        before = found[key][1] if key in found else ()
        names = {canonicalize_name(one.name) for one in chosen}
        found[key] = (here, tuple(sorted({*before, *names})))
        waiting += [(canonicalize_name(one.name), frozenset(one.extras)) for one in chosen]
    return found


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": one}) for one in ("", *extras))


def bill(name: str, date: str, hashes: dict[str, str]) -> dict[str, Any]:
    """The bill as JSON has it; ``hashes`` are SHA-256 of the release's files by name."""
    parts = closure(name)
    own, _ = parts.pop(canonicalize_name(name))
    root = _component(own, "application")
    root["externalReferences"] = [
        {
            "type": "distribution",
            "url": file,
            "hashes": [{"alg": "SHA-256", "content": content}],
        }
        for file, content in sorted(hashes.items())
    ]
    components = [_component(parts[key][0], "library") for key in sorted(parts)]
    references = {canonicalize_name(one["name"]): one["bom-ref"] for one in (root, *components)}
    needs = {canonicalize_name(name): closure(name)[canonicalize_name(name)][1]}
    needs |= {key: names for key, (_, names) in parts.items()}
    serial = uuid.uuid5(_SPACE, json.dumps([date, root, components]))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"timestamp": date, "component": root},
        "components": components,
        "dependencies": [
            {"ref": references[key], "dependsOn": [references[one] for one in needs[key]]}
            for key in sorted(needs)
        ],
    }


def _component(part: Distribution, kind: str) -> dict[str, Any]:
    name, version = canonicalize_name(part.name), part.version
    reference = f"pkg:pypi/{name}@{version}"
    found = {"type": kind, "bom-ref": reference, "name": name, "version": version}
    found |= {"purl": reference, "description": part.metadata["Summary"] or ""}
    terms = _terms(part)
    return {**found, "licenses": terms} if terms else found


def _terms(part: Distribution) -> list[dict[str, Any]]:
    expression = part.metadata["License-Expression"]
    if expression:
        return [{"expression": expression}]
    told = [
        text.rpartition(" :: ")[2]
        for text in part.metadata.get_all("Classifier", ())
        if text.startswith("License :: ")
    ]
    if not told and part.metadata["License"]:
        told = [part.metadata["License"].splitlines()[0]]
    return [{"license": {"name": text}} for text in told]
