// Logs in by a driver of MySQL or MariaDB, asks once a login, and says the first value of each, or
// the error.
"use strict";
const fs = require("fs");

async function ask(driver, login) {
  const options = {
    host: "127.0.0.1",
    port: login.port,
    user: login.user,
    password: login.password,
    // A driver's own is a second.
    connectTimeout: 60000,
    ssl: login.ca ? { ca: fs.readFileSync(login.ca) } : undefined,
  };
  if (driver === "mysql2") {
    const connection = await require("mysql2/promise").createConnection(options);
    const [rows] = await connection.execute({
      sql: login.text,
      rowsAsArray: true,
      ...(login.attributes && { attributes: login.attributes }),
    });
    connection.destroy();
    return rows[0][0];
  }
  const connection = await (await import("mariadb")).createConnection({
    ...options,
    rowsAsArray: true,
    allowPublicKeyRetrieval: login.keys,
  });
  const rows = await connection.query(login.text);
  connection.destroy();
  return rows[0][0];
}

const answer = (login) =>
  ask(process.argv[2], login).then(
    (value) => ({ value }),
    (error) => ({ error: String(error) })
  );

async function main() {
  const answers = [];
  for (const login of JSON.parse(fs.readFileSync(0, "utf8"))) answers.push(await answer(login));
  process.stdout.write(JSON.stringify(answers), () => process.exit(0));
}

main();
