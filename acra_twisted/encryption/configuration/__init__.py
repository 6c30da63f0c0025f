"""The configuration of protected columns: Acra's YAML file and sections of the ini file."""
