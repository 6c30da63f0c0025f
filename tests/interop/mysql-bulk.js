// Bulk executions of the driver of MariaDB.  argv: a port.  Prints what it is told as JSON.
'use strict';
const where = {
  host: '127.0.0.1', port: Number(process.argv[2]), user: 'u', password: 'pw', database: 'shop',
  insertIdAsNumber: true, bigIntAsNumber: true, dateStrings: true,
  // The driver's own is a second.
  connectTimeout: 60000,
};
const INSERT = 'INSERT INTO people (id, name, email, age, raw) VALUES (?, ?, ?, ?, ?)';
const READ = 'SELECT id, name, email, age, raw FROM people ORDER BY id';
const MANY = 3000;
const row = (id) => [id, `name ${id} Żółć`, `${id}@x.org`, id % 2 ? id : null, Buffer.from([0xff, 0x27, id % 256])];

async function main() {
  const client = await (await import('mariadb')).createConnection(where);
  const found = {};
  const attempt = async (name, work) => {
    try {
      found[name] = await work();
    } catch (error) {
      if (error.errno === undefined) throw error;
      found[name] = [error.errno, error.sqlState];
    }
  };
  const rows = Array.from({ length: MANY }, (_, n) => row(n + 1));
  await attempt('insert', async () => (await client.batch(INSERT, rows)).affectedRows);
  // One command each, behind which others wait.
  await attempt('pipelined', async () => {
    const done = await Promise.all([1, 2, 3].map((n) => client.batch(INSERT, [row(5000 + n), row(6000 + n)])));
    return done.map((one) => one.affectedRows);
  });
  await attempt('large', async () => {
    const large = 'x'.repeat(1 << 20);
    const done = await client.batch(INSERT, [7001, 7002].map((id) => [id, large, null, 1, null]));
    return done.affectedRows;
  });
  await attempt('update', async () => {
    const done = await client.batch('UPDATE people SET name = ?, age = ? WHERE id = ?',
      [['changed', 7, 1], ['changed', null, 2], ['nobody', 1, -1]]);
    return done.affectedRows;
  });
  await attempt('twice', () => client.batch(INSERT, [row(9001), row(1)]));
  await attempt('denied', async () => {
    const done = await client.batch('INSERT INTO forbidden (n) VALUES (?)', [[1], [2]]);
    return done.affectedRows;
  });
  // One value of many is none of its column: none of the rows is written.
  await attempt('value', () => client.batch(INSERT,
    [9101, 9102, 9103].map((id) => [id, 'name', 'email', id === 9102 ? 'none' : '7', null])));
  await attempt('behind', async () => (await client.batch(INSERT, [row(9201), row(9202)])).affectedRows);
  await attempt('delete', async () => {
    const done = await client.batch('DELETE FROM people WHERE id = ?', [[3], [4], [-1]]);
    return done.affectedRows;
  });
  const read = await client.query(READ);
  found.rows = read.map((one) => {
    const [id, name, email, age, raw] = Object.values(one);
    return [id, String(name).slice(0, 30), email, age, raw === null ? null : raw.toString('hex')];
  });
  await client.end();
  console.log(JSON.stringify(found));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
