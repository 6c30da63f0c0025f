// Log in by drivers for Node: for each line of standard input, an object in JSON (see
// tests/support/loginclients.py), print the name of the session's user, or the error.
"use strict";
const readline = require("readline");
const { Client } = require("pg");
const postgres = require("postgres");

const QUESTION = "SELECT current_user AS name";
// A login is judged by what it binds to, not by who has issued the certificate.
const ANY_CERTIFICATE = { rejectUnauthorized: false };
const ALPN = { ALPNProtocols: ["postgresql"] };

async function byPg(login) {
  const db = new Client({
    host: "127.0.0.1",
    port: login.port,
    user: login.user,
    password: login.password,
    database: login.database,
    ssl: login.tls && { ...ANY_CERTIFICATE, ...(login.direct ? ALPN : {}) },
    sslnegotiation: login.direct ? "direct" : "postgres",
    enableChannelBinding: login.binding,
    connectionTimeoutMillis: 60000,
  });
  db.on("error", () => {});
  try {
    await db.connect();
    return (await db.query(QUESTION)).rows[0].name;
  } finally {
    await db.end().catch(() => {});
  }
}

async function byPostgres(login) {
  const sql = postgres({
    host: "127.0.0.1",
    port: login.port,
    user: login.user,
    password: login.password,
    database: login.database,
    ssl: login.tls && ANY_CERTIFICATE,
    sslnegotiation: login.direct ? "direct" : undefined,
    max: 1,
    fetch_types: false,
    connect_timeout: 60,
    onnotice: () => {},
  });
  try {
    return (await sql.unsafe(QUESTION))[0].name;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function answer(line) {
  const login = JSON.parse(line);
  try {
    return { user: await (login.client === "pg" ? byPg : byPostgres)(login) };
  } catch (error) {
    return { error: String((error && error.message) || error) };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(line)) + "\n");
  }
  process.exit(0);
}

main();
