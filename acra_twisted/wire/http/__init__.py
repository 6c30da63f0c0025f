"""Parts of HTTP/1 as bytes."""
