"""What a release is made of: archives, man pages, the changelog, the bill of materials."""
