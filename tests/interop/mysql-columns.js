// Protected columns of MySQL through node's drivers, which know nothing of them.
// argv: "mysql2" or "mariadb", and a port.  Prints what the driver makes of rows as JSON.
'use strict';
const [which, port] = process.argv.slice(2);
const where = {
  host: '127.0.0.1', port: Number(port), user: 'u', password: 'pw', database: 'shop',
  // A driver's own is a second.
  connectTimeout: 60000,
};
const INSERT = 'INSERT INTO people (name, email, age, raw, ident) VALUES (?, ?, ?, ?, ?)';
const READ = 'SELECT name, email, age, raw, ident FROM people WHERE email = ? AND id > ?';
const row = (name) => [name, `${name}@x.org`, 42, Buffer.from([0xff, 0x27]), 7];

// A value with the type that the driver gives it.
const shown = (value) => (Buffer.isBuffer(value) ? ['Buffer', value.toString('hex')]
  : [value === null ? 'null' : typeof value, value]);

async function mysql2() {
  const client = await require('mysql2/promise').createConnection(where);
  return {
    text: async (text, values) => (await client.query(text, values))[0],
    prepared: async (text, values) => (await client.execute(text, values))[0],
    end: () => client.end(),
  };
}

async function mariadb() {
  const client = await (await import('mariadb')).createConnection(where);
  return {
    text: (text, values) => client.query(text, values),
    prepared: (text, values) => client.execute(text, values),
    batch: (text, rows) => client.batch(text, rows),
    end: () => client.end(),
  };
}

async function main(open) {
  const client = await open();
  const found = {};
  await client.text(INSERT, row('text'));
  await client.prepared(INSERT, row('prepared'));
  if (client.batch) {
    await client.batch(INSERT, [row('one'), [null, null, null, null, null], row('two')]);
  }
  for (const how of ['text', 'prepared']) {
    for (const name of ['text', 'prepared', 'one', 'two']) {
      const rows = await client[how](READ, [`${name}@x.org`, 0]);
      found[`${how} ${name}`] = rows.map((one) => Object.values(one).map(shown));
    }
  }
  try {
    await client.text('SELECT UPPER(name) FROM people', []);
  } catch (error) {
    found.refused = [error.errno, error.sqlState];
  }
  await client.end();
  console.log(JSON.stringify(found));
}

main({ mysql2, mariadb }[which]).catch((error) => {
  console.error(error);
  process.exit(1);
});
