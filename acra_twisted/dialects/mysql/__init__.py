"""The client/server protocol of MySQL and MariaDB as a proxy keeps it."""
