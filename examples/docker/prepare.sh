#!/bin/sh
# Fill each service's volume with what it needs and nothing else: certificates, keys, a password.
# What is there already stays.
set -eu
umask 077
cd /volumes
[ -e authority/ca.key ] ||
    acra-certs --dir=authority --hosts=acra-server --database_hosts=postgres >/dev/null

# Whose it is (user:group), volume, certificate.
give() {
    cp authority/ca.pem "authority/$3.pem" "authority/$3.key" "$2/"
    chmod 644 "$2/ca.pem" "$2/$3.pem"
    chown -R "$1" "$2"
    chmod 700 "$2"
}
[ -e server/master.key ] || acra-keymaker --keystore=v1 --generate_master_key=server/master.key
[ -e server/keys ] || acra-keymaker --keystore=v1 --keys_output_dir=server/keys \
    --master_key_file=server/master.key --tls_cert=authority/connector.pem
[ -e database/password ] ||
    python -c 'import secrets; print(secrets.token_urlsafe(18))' >database/password
give 10001:10001 server server
give 10001:10001 connector connector
# The user postgres of the image postgres:17.
give 999:999 database database
