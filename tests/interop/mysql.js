// Logs in by a driver of MySQL or MariaDB, asks once, and says the first value, or the error.
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

const said = (answer) => process.stdout.write(JSON.stringify(answer), () => process.exit(0));
ask(process.argv[2], JSON.parse(fs.readFileSync(0, "utf8"))).then(
  (value) => said({ value }),
  (error) => said({ error: String(error) })
);
