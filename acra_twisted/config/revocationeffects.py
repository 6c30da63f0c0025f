"""Where the settings of revocation take effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from acra_twisted.config.effects import Rule
from acra_twisted.config.revocation import APPLICATION, chosen, is_asked, is_checked
from acra_twisted.options import Option, Settings

Legs = Mapping[str, tuple[Callable[[Settings], bool], str]]

_BY: Final = ("ocsp", "crl")
#: Settings that somebody relies on.
_SOURCES: Final = ("url", "required", "from_cert")
_UNASKED: Final = (
    "nobody is asked whether a certificate is revoked; set a URL of a responder or of a list, or "
    "*_from_cert"
)
_NOBODY: Final = "certificates of no peer are verified"


def revocation_rules(options: Sequence[Option], legs: Legs) -> tuple[Rule, ...]:
    """The rules of a daemon with these ``options``.

    ``legs`` gives for each leg where its peers' certificates are verified, and what would have them
    verified.
    """
    names = {option.name for option in options}
    rules: list[Rule] = []
    for leg, (verifies, because) in legs.items():
        for by in _BY:
            rules += _of_leg(names, leg, by, verifies, because)
    common = [name for name in sorted(names) if not _is_of_leg(name, legs)]
    for by in _BY:
        of = [name for name in common if name.startswith(f"tls_{by}_")]
        if by == "ocsp":
            of.remove("tls_ocsp_staple")
        sources = [name for name in of if name.endswith(_SOURCES)]
        rules += [
            Rule(sources, _any_verified(legs, by), _NOBODY, protects=True),
            Rule(_modes(of), _any_asked(legs, by), _UNASKED),
        ]
    rules.append(
        Rule(
            ("tls_revocation_hosts",),
            lambda settings: any(
                chosen(settings, leg, by, "from_cert") != "ignore" for leg in legs for by in _BY
            ),
            "no address that a certificate names is asked (tls_ocsp_from_cert, tls_crl_from_cert)",
        )
    )
    rules.append(
        Rule(
            ("tls_revoked_sessions",),
            lambda settings: any(is_checked(settings, leg) for leg in legs),
            _UNASKED,
        )
    )
    return tuple(rule for rule in rules if rule.names)


def _is_of_leg(name: str, legs: Iterable[str]) -> bool:
    of_application = name.startswith("application_tls_")
    return of_application or any(f"_{leg}_" in name for leg in legs if leg != APPLICATION)


def _of_leg(
    names: set[str], leg: str, by: str, verifies: Callable[[Settings], bool], because: str
) -> list[Rule]:
    prefix = f"application_tls_{by}_" if leg == APPLICATION else f"tls_{by}_{leg}_"
    found = sorted(name for name in names if name.startswith(prefix))
    sources = [name for name in found if name.endswith(_SOURCES)]

    def holds(settings: Settings) -> bool:
        # To ask nobody is no protection that could be missed.
        return verifies(settings) or not is_asked(settings, leg, by)

    return [
        Rule(sources, holds, because, protects=True),
        Rule(
            _modes(found),
            lambda settings: verifies(settings) and is_asked(settings, leg, by),
            _UNASKED,
        ),
    ]


def _modes(names: Sequence[str]) -> list[str]:
    """Those that say how it is asked, and not who."""
    return [name for name in names if not name.endswith(("url", "from_cert"))]


def _any_verified(legs: Legs, by: str) -> Callable[[Settings], bool]:
    """Where a leg is asked about by common settings, one at least must be verified."""

    def holds(settings: Settings) -> bool:
        asked = [leg for leg in legs if is_asked(settings, leg, by)]
        return not asked or any(legs[leg][0](settings) for leg in asked)

    return holds


def _any_asked(legs: Legs, by: str) -> Callable[[Settings], bool]:
    return lambda settings: any(is_asked(settings, leg, by) for leg in legs)
