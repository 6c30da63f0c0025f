// Takes several steps in one session of a driver of MySQL or MariaDB: see mysqlsteps.py.
"use strict";
const fs = require("fs");

const given = JSON.parse(fs.readFileSync(0, "utf8"));
const login = {
  host: "127.0.0.1",
  port: given.port,
  user: given.user,
  password: given.password,
  database: given.database,
  multipleStatements: true,
  // A driver's own is a second.
  connectTimeout: 60000,
};

async function opened(driver) {
  if (driver === "mysql2") {
    const connection = await require("mysql2/promise").createConnection({ ...login, rowsAsArray: true });
    const ask = (how) => async (text, parameters) => (await connection[how](text, parameters))[0];
    return { query: ask("query"), execute: ask("execute"), end: () => connection.destroy() };
  }
  const connection = await (await import("mariadb")).createConnection({
    ...login,
    rowsAsArray: true,
    pipelining: true,
    insertIdAsNumber: true,
    bigIntAsNumber: true,
  });
  return {
    query: (text, parameters) => connection.query(text, parameters),
    execute: (text, parameters) => connection.execute(text, parameters),
    end: () => connection.destroy(),
  };
}

function told(error) {
  if (error.errno === undefined) throw error;
  return { error: error.errno, state: error.sqlState };
}

async function main() {
  const session = await opened(process.argv[2]);
  const one = ([how, text, ...parameters]) =>
    session[how](text, parameters).then((rows) => ({ rows: Array.isArray(rows) ? rows : [] }), told);
  let answers = [];
  if (given.at_once) answers = await Promise.all(given.steps.map(one));
  else for (const step of given.steps) answers.push(await one(step));
  session.end();
  process.stdout.write(JSON.stringify(answers), () => process.exit(0));
}

main().catch((error) => {
  process.stderr.write(String(error.stack));
  process.exit(1);
});
