// Protected columns through node's drivers, which know nothing of them.
// argv: "pg" or "postgres", the owner's port, a stranger's.  Reads the rows to write as JSON, prints
// what the driver makes of the statements as JSON.
'use strict';
const [which, port, strangers] = process.argv.slice(2);
const where = { host: '127.0.0.1', user: 'postgres', database: 'postgres' };
const NAMES = ['name', 'email', 'age', 'big', 'raw', 'flag', 'born', 'key', 'score', 'card', 'phone',
  'note'];
const INSERT = `INSERT INTO people (${NAMES}) VALUES`;
const READ = `SELECT ${NAMES} FROM people`;

// A value with the type that the driver gives it.
function shown(value) {
  if (Buffer.isBuffer(value)) return ['Buffer', value.toString('hex')];
  if (value instanceof Date) return ['Date', value.toISOString().slice(0, 10)];
  return [value === null ? 'null' : typeof value, value];
}

// What a statement is answered with: the rows, or the error's code.
async function answer(promise) {
  try {
    return (await promise).map((row) => NAMES.filter((n) => n in row).map((n) => shown(row[n])));
  } catch (error) {
    if (!error.code) throw error;
    return error.code;
  }
}

// Both drivers by the same three functions: a text, one with values, and one that stays prepared.
async function pg(at) {
  const { Client } = require('pg');
  const client = new Client({ ...where, port: at });
  await client.connect();
  let texts = {};
  return {
    text: async (text) => (await client.query(text)).rows,
    values: async (text, values) => (await client.query(text, values)).rows,
    prepared: async (text, values) => {
      const name = texts[text] = texts[text] || `s${Object.keys(texts).length}`;
      return (await client.query({ name, text, values })).rows;
    },
    end: () => client.end(),
  };
}

async function postgres(at) {
  const sql = require('postgres')({ ...where, username: where.user, port: at, max: 1 });
  return {
    text: (text) => sql.unsafe(text),
    values: (text, values) => sql.unsafe(text, values),
    prepared: (text, values) => sql.unsafe(text, values, { prepare: true }),
    end: () => sql.end(),
  };
}

const places = (count) => `(${Array.from({ length: count }, (_, n) => `$${n + 1}`)})`;
const literal = (value) => Buffer.isBuffer(value) ? `'\\x${value.toString('hex')}'`
  : `'${String(value).replace(/'/g, "''")}'`;

async function main(open, rows) {
  const db = await open(port), found = {};
  const [first, second, third, fourth, ...rest] = rows.map(
    (row) => row.map((value, at) => (NAMES[at] === 'raw' ? Buffer.from(value, 'hex') : value)));
  await db.values(`${INSERT} ${places(first.length)}`, first);
  await db.text(`${INSERT} (${second.map(literal)})`);
  for (const row of [third, fourth]) await db.prepared(`${INSERT} ${places(row.length)}`, row);
  // Of several rows each value has a place of its own.
  const many = rest.map((row, at) => `(${row.map((_, n) => `$${at * row.length + n + 1}`)})`);
  await db.values(`${INSERT} ${many}`, rest.flat());
  await db.values(`${INSERT} ${places(first.length)}`, first.map(() => null));
  found.rows = await answer(db.text(`${READ} ORDER BY id`));
  found.searched = [];
  for (const [at, name] of NAMES.entries()) {
    if (!['email', 'age', 'big', 'born', 'key', 'phone'].includes(name)) continue;
    const text = `SELECT name FROM people WHERE ${name} = $1`;
    for (const row of [first, third]) {
      found.searched.push(await answer(db.values(text, [row[at]])));
      found.searched.push(await answer(db.prepared(text, [row[at]])));
    }
    found.searched.push(await answer(db.text(text.replace('$1', literal(first[at])))));
  }
  const any = 'SELECT name FROM people WHERE email = ANY($1) ORDER BY id';
  found.any = await answer(db.values(any, [[first[1], fourth[1]]]));
  const update = 'UPDATE people SET name = $1 WHERE email = $2 RETURNING name';
  found.updated = await answer(db.prepared(update, ['Zaphodius new', first[1]]));
  found.refused = [
    await answer(db.values('SELECT name FROM people WHERE name = $1', [first[0]])),
    await answer(db.text(`${READ} ORDER BY email`)),
    await answer(db.values('UPDATE people SET age = $1', ['many'])),
    await answer(db.text('SELECT name FROM people WHERE id = 1')),
  ];
  await db.end();
  const other = await open(strangers);
  const some = 'SELECT name, email, raw, card, phone, note FROM people WHERE id = $1';
  found.stranger = (await answer(other.values(some, [1])))[0];
  found.closed = await answer(other.text('SELECT age FROM people'));
  await other.end();
  console.log(JSON.stringify(found));
}

main({ pg, postgres }[which], JSON.parse(require('fs').readFileSync(0, 'utf8'))).catch((error) => {
  console.error(error);
  process.exit(1);
});
