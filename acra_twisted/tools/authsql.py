"""The SQL of ``acra-auth``."""

from __future__ import annotations

#: Sets the secret of a role as it is.
ALTER = "-- in the database:\n-- alter role {} password '{}';\n"

#: The roles that may log in, and their secrets, by a pattern of names.
EXPORT = """\
select rolname, rolpassword from pg_catalog.pg_authid \
where rolname like $1 and rolcanlogin and not rolsuper and not rolreplication \
and rolpassword is not null and (rolvaliduntil is null or rolvaliduntil > pg_catalog.now()) \
order by rolname"""

_SET_UP = """\
-- Run this as a superuser, once, in the database that AcraServer is to ask (auth_query_database).
-- Then give the role its password: \\password {user}
-- and set in the [authentication] section of AcraServer's file:
--   auth_query_user = {bare}
--   auth_query_password_file = FILE with that password, mode 0600
-- pg_hba.conf must admit the role from AcraServer's address, by scram-sha-256.
begin;
create role {user} login;
create schema acra_auth;
create function acra_auth.lookup(name) returns table (rolname name, secret text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  as $$ select a.rolname,
               case when a.rolvaliduntil < pg_catalog.now() then null else a.rolpassword end
        from pg_catalog.pg_authid a
        where a.rolname = $1 and a.rolcanlogin and not a.rolsuper and not a.rolreplication $$;
revoke all on function acra_auth.lookup(name) from public;
revoke all on schema acra_auth from public;
grant usage on schema acra_auth to {user};
grant execute on function acra_auth.lookup(name) to {user};
commit;
"""


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"{}"'.format(name.replace('"', '""'))


def set_up(user: str) -> str:
    """Return the SQL that lets ``user`` look up secrets, one at a time, and nothing else."""
    return _SET_UP.format(user=quoted(user), bare=user)
