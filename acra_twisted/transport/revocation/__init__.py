"""Revocation of peers' certificates: OCSP answers and lists (CRLs), verified, kept and fetched."""
