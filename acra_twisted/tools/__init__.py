"""Console scripts, under Acra's names."""
