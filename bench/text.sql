\set aid random(1, 100000 * :scale)
SELECT filler FROM pgbench_accounts WHERE aid = :aid;
