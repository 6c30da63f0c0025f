// Statements of node's drivers, with contexts as applications give them.
// argv: port, and "pg", "postgres" or "otel".  Prints a JSON list: name, trace id, executions.
'use strict';
const crypto = require('crypto');

const [port, which] = [Number(process.argv[2]), process.argv[3]];
const where = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' };
const hex = (bytes) => crypto.randomBytes(bytes).toString('hex');
const shown = [];

function comment(name, executions) {
  const trace = hex(16);
  shown.push([name, trace, executions]);
  return `/*traceparent='00-${trace}-${hex(8)}-01'*/`;
}

async function pg() {
  const { Client } = require('pg');
  const c = new Client(where);
  await c.connect();
  await c.query(`SELECT 1 ${comment('simple', 1)}`);
  await c.query(`SELECT $1::int ${comment('unnamed', 1)}`, [2]);
  const text = `SELECT $1::int ${comment('named', 1)}`;
  for (const value of [3, 4]) await c.query({ name: 'n', text, values: [value] });
  await c.end();
}

async function postgres() {
  const sql = require('postgres')({ ...where, username: where.user, max: 1 });
  await sql.unsafe(`SELECT $1::int ${comment('prepared', 1)}`, [5], { prepare: true });
  await sql.unsafe(`SELECT 6 ${comment('simple', 1)}`);
  await Promise.all([7, 8].map(
    (value) => sql.unsafe(`SELECT ${value}::int ${comment(`pipelined ${value}`, 1)}`)));
  await sql.end();
}

// OpenTelemetry's instrumentation SETs application_name before each statement.
async function otel() {
  const { NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');
  const { registerInstrumentations } = require('@opentelemetry/instrumentation');
  const { PgInstrumentation } = require('@opentelemetry/instrumentation-pg');
  new NodeTracerProvider().register();
  registerInstrumentations({
    instrumentations: [new PgInstrumentation({ enableTraceContextPropagation: true })],
  });
  const { Client } = require('pg');
  const { trace } = require('@opentelemetry/api');
  await trace.getTracer('application').startActiveSpan('page', async (span) => {
    shown.push(['page', span.spanContext().traceId, 3]);
    const c = new Client(where);
    await c.connect();
    await c.query('SELECT 1');
    for (const value of [4, 5]) {
      await c.query({ name: 'x', text: 'SELECT $1::int', values: [value] });
    }
    await c.end();
    span.end();
  });
}

({ pg, postgres, otel })[which]().then(
  () => console.log(JSON.stringify(shown)),
  (error) => { console.error(error); process.exit(1); });
