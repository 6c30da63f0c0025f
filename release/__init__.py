"""Make a release: archives, man pages, the changelog, the bill of materials."""
