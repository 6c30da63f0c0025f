"""Checks of the options of every daemon."""


def check(case, sections):
    """Names are unique, a default is what its own text means, and each option is explained."""
    options = [option for section in sections for option in section.options]
    names = [option.name for option in options]
    case.assertEqual(len(names), len(set(names)))
    for option in options:
        rendered = option.kind.render(option.default)
        case.assertEqual(option.kind.parse(rendered), option.default, option.name)
        case.assertTrue(option.help.endswith("."), option.name)
