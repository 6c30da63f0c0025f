"""What is right and what is wrong with an installation, before it is started and while it runs."""
