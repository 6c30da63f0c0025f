"""Configure Sphinx, which makes one site of these pages: ``make html``."""

from docutils import nodes

from acra_twisted import __version__

project = "acra-twisted"
release = __version__
root_doc = "index"
html_theme = "furo"
html_title = f"acra-twisted {__version__}"
html_show_copyright = False
html_show_sourcelink = False
#: A block without a language is shown as it is.
highlight_language = "none"


def link(app, doctree, page):
    """Turn links to files into links to pages.

    The pages name each other as files, so that they can also be read in the repository.  A file
    outside this folder has no address on the site, so only the text of its link remains.
    """
    for reference in list(doctree.findall(nodes.reference)):
        target, mark, place = reference.get("refuri", "").partition("#")
        if target.startswith("../"):
            reference.replace_self(reference.children)
        elif target.removesuffix(".rst") in app.env.found_docs:
            address = app.builder.get_relative_uri(page, target.removesuffix(".rst"))
            reference["refuri"] = address + mark + place


def setup(app):
    """Connect the function above: Sphinx calls this."""
    app.connect("doctree-resolved", link)
