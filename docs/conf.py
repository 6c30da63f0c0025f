"""How Sphinx makes one site of these pages: ``make html``."""

from docutils import nodes

from acra_twisted import __version__

project = "acra-twisted"
release = __version__
root_doc = "index"
html_theme = "alabaster"
html_theme_options = {"page_width": "75rem", "sidebar_width": "16rem"}
html_show_copyright = False
html_show_sourcelink = False
#: Blocks that do not say what they are in are shown as they are.
highlight_language = "none"


def link(app, doctree, page):
    """Pages link to each other as files, so that they can be read in the repository, too; what is
    outside of this folder has no address here."""
    for reference in list(doctree.findall(nodes.reference)):
        target, mark, place = reference.get("refuri", "").partition("#")
        if target.startswith("../"):
            reference.replace_self(reference.children)
        elif target.removesuffix(".rst") in app.env.found_docs:
            address = app.builder.get_relative_uri(page, target.removesuffix(".rst"))
            reference["refuri"] = address + mark + place


def setup(app):
    """Sphinx calls this."""
    app.connect("doctree-resolved", link)
