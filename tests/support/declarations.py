"""Checks of the options of every daemon."""


def check(case, sections):
    """Names are unique, a default is what its own text means, each option is explained, and a
    daemon has to listen somewhere."""
    options = [option for section in sections for option in section.options]
    names = [option.name for option in options]
    case.assertEqual(len(names), len(set(names)))
    for option in options:
        rendered = option.kind.render(option.default)
        case.assertEqual(option.kind.parse(rendered), option.default, option.name)
        case.assertTrue(option.help.endswith("."), option.name)
    for option in options:
        if option.name in ("incoming_connection_string", "incoming_connection_api_string"):
            case.assertRaises(ValueError, option.kind.parse, "")
