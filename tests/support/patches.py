"""Find the attributes of modules and classes that a test replaces, from its text."""

from __future__ import annotations

import ast
from importlib import import_module
from inspect import isclass, ismodule

_PACKAGE = "acra_twisted"
_PATCHES = ("self.patch", "patch.object", "mock.patch.object", "setattr", "monkeypatch.setattr")


def replaced(text):
    """Pairs of a line and the modules whose attributes, or whose classes' attributes, are replaced
    there: that of the owner, and those by way of which it is named."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    names = _imported(nodes)
    for node in nodes:
        if isinstance(node, ast.Call):
            how = ast.unparse(node.func) if node.args and _may_replace(node.func) else ""
            if how in _PATCHES:
                owners = [node.args[0]]
            elif how in ("patch", "mock.patch"):
                owners = [ast.parse(node.args[0].value.rpartition(".")[0]).body[0].value]
            else:
                continue
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            owners = [target.value for target in targets if isinstance(target, ast.Attribute)]
        else:
            continue
        for owner in owners:
            found = _modules(owner, names)
            if found:
                yield node.lineno, found


def _may_replace(function):
    name = getattr(function, "attr", None) or getattr(function, "id", "")
    return name in ("patch", "object", "setattr")


def _imported(nodes):
    """Names that a module's imports from our package give, and what they are."""
    names = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(_PACKAGE):
                    whole = import_module(alias.name)
                    top = import_module(_PACKAGE)
                    names[alias.asname or _PACKAGE] = whole if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module.startswith(_PACKAGE):
            for alias in node.names:
                try:
                    names[alias.asname or alias.name] = getattr(
                        import_module(node.module), alias.name
                    )
                except AttributeError:
                    module = import_module(f"{node.module}.{alias.name}")
                    names[alias.asname or alias.name] = module
    return names


def _modules(owner, names):
    """Names of the modules that a chain of attributes leads through; of an instance none."""
    steps = ast.unparse(owner).split(".")
    found = []
    value = names.get(steps[0])
    for step in [*steps[1:], None]:
        if ismodule(value):
            found.append(value.__name__)
        elif isclass(value):
            found.append(value.__module__)
        else:
            return []
        value = getattr(value, step, None) if step else None
    return found
