"""Containers of encrypted values as Acra stores them: made, found in cells, opened."""
