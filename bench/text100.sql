\set aid random(1, 100000 * :scale - 99)
SELECT filler FROM pgbench_accounts WHERE aid BETWEEN :aid AND :aid + 99;
