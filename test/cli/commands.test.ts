import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { jsonToExportRequest } from '../../src/protocol/otlp/json.ts';
import { otlpOf, type TestSpan, traceIdOf } from '../api/spans.ts';
import { postSpans, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';
import { rubato, timeless } from './run.ts';

const startMs = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;
const at = (ms: number): number => startMs + ms;

const spans: readonly TestSpan[] = [
  { trace: 1, span: 1, service: 'shop', name: 'GET /', startMs: at(0), durationMs: 100 },
  {
    trace: 1,
    span: 2,
    parent: 1,
    service: 'books',
    name: 'list',
    startMs: at(10),
    durationMs: 50,
    attributes: { n: 7 },
  },
  { trace: 1, span: 3, parent: 2, service: 'books', name: 'SELECT', startMs: at(20), durationMs: 35, error: true },
  { trace: 1, span: 4, parent: 1, service: 'mail\x1b[31m', name: 'send', startMs: at(70), durationMs: 20 },
  { trace: 2, span: 5, service: 'shop', name: 'POST /orders', startMs: at(5000), durationMs: 2500 },
  { trace: 3, span: 6, service: 'night', name: 'count', startMs: at(9000), durationMs: 0.25 },
];

const folder = temporaryFolder('cli');
const data = path.join(folder.path, 'data');
let server: TestServer;

before(async () => {
  server = await startTestServer({ dataFolder: folder.path });
  assert.equal(await postSpans(server.otlpHttp, otlpOf(spans)), 200);
});

after(async () => {
  await server.stop();
  folder.remove();
});

/** The same from the server, from its folder, and whatever the spans lie in. */
async function everywhere(argv: readonly string[], check: (result: Awaited<ReturnType<typeof rubato>>) => void) {
  check(await rubato([...argv, '--url', server.http]));
  check(await rubato([...argv, '--data', data]));
}

const searchTable = `\
TRACE                             START (UTC)              DURATION  SERVICE  NAME          SPANS  ERRORS  MATCHED
00000000000000000000000000000003  YYYY-MM-DD hh:mm:ss.mmm      <1ms  night    count             1                1
00000000000000000000000000000002  YYYY-MM-DD hh:mm:ss.mmm      2.5s  shop     POST /orders      1                1
00000000000000000000000000000001  YYYY-MM-DD hh:mm:ss.mmm     100ms  shop     GET /             4       1        4
`;

const chart = `\
trace 00000000000000000000000000000001  shop GET /
YYYY-MM-DD hh:mm:ss.mmm UTC, 100ms, 4 spans, 3 services, 1 error
critical path: books 50ms (50%), shop 30ms (30%), mail\ufffd[31m 20ms (20%)

`;

async function checkQueries(): Promise<void> {
  await everywhere(['search', '{}'], ({ code, out }) => {
    assert.equal(code, 0);
    assert.equal(timeless(out), searchTable);
  });
  await everywhere(['query', '{ status = error }', '--json'], ({ code, out }) => {
    assert.equal(code, 0);
    const { traces } = JSON.parse(out) as { traces: { traceID: string }[] };
    assert.deepEqual(
      traces.map(({ traceID }) => traceID.padStart(32, '0')),
      [traceIdOf(1)],
    );
  });
  await everywhere(['search', '{ name = "nothing" }'], ({ code, out }) => {
    assert.deepEqual([code, out], [0, 'no traces\n']);
  });
  await everywhere(['query', '{} | count_over_time() by (resource.service.name)', '--instant'], ({ code, out }) => {
    assert.equal(code, 0);
    assert.match(out, /^\{resource\.service\.name="books"\} +2$/m);
    assert.match(out, /^\{resource\.service\.name="shop"\} +2$/m);
  });
  await everywhere(['metrics', '{ name = "nothing" } | rate() by (name)'], ({ code, out }) => {
    assert.deepEqual([code, out], [0, 'no series\n']);
  });
  await everywhere(['tags', '--scope', 'span'], ({ code, out }) => {
    assert.deepEqual([code, out], [0, 'SCOPE  TAG\nspan   n\n']);
  });
  await everywhere(['values', 'span.n'], ({ code, out }) => {
    assert.deepEqual([code, out], [0, 'TYPE  VALUE\nint   7\n']);
  });
  await everywhere(['values', 'span.nothing'], ({ code, out }) => {
    assert.deepEqual([code, out], [0, 'no values\n']);
  });
  await everywhere(['trace', '1'], ({ code, out }) => {
    assert.equal(code, 0);
    assert.ok(timeless(out).startsWith(chart), out);
    assert.ok(!out.includes('\x1b'), 'names cannot drive the terminal');
  });
  await everywhere(['trace', '1', '--json'], ({ code, out }) => {
    assert.equal(code, 0);
    // What it says is OTLP: the receiver reads it.
    assert.ok(jsonToExportRequest(Buffer.from(out)).length > 0);
    assert.match(out, /"traceId":"00000000000000000000000000000001","spanId":"0000000000000003"/);
  });
  await everywhere(['trace', 'abcd'], ({ code, out, err }) => {
    assert.deepEqual([code, out, err], [1, '', 'rubato: there is no trace abcd\n']);
  });
  await everywhere(['search', '{ bad'], ({ code, err }) => {
    assert.equal(code, 1);
    assert.match(err, /^invalid TraceQL query: /);
  });
}

test('spans that are in segments only are found through the server and without it', async () => {
  await checkQueries();
  const blocks = await rubato(['blocks', '--data', data]);
  assert.deepEqual([blocks.code, blocks.out], [0, 'no blocks of tenant single-tenant\n']);
  const wal = await rubato(['wal', '--data', data]);
  assert.equal(wal.code, 0);
  assert.match(wal.out, /\n[0-9a-f]{16} +1 +1-1 .* 1 +1 +single-tenant\n1 segment, all intact\n$/);
});

test('a folder is looked at without a change to it', async () => {
  const list = (): string => readdirSync(data, { recursive: true }).sort().join('\n');
  const listed = list();
  await rubato(['search', '{}', '--data', data]);
  await rubato(['wal', '--data', data]);
  assert.equal(list(), listed);
});

test('spans in blocks are found through the server and without it; blocks and their columns are listed', async () => {
  await server.kill();
  server = await startTestServer({ dataFolder: folder.path, config: { live_store: { max_block_duration: '100ms' } } });
  await untilInBlocks();
  await checkQueries();
  const listed = await rubato(['blocks', '--data', data]);
  assert.match(listed.out, /^BLOCK +SPANS +TRACES +SIZE +B\/SPAN +START \(UTC\) +RANGE +LEVEL\n/);
  assert.match(timeless(listed.out), / 6 +3 +[\d.]+ kB +[\d.]+ +YYYY-MM-DD hh:mm:ss.mmm +9s +0\n1 block, 6 spans, /);
  const id = listed.out.split('\n')[1]!.split(' ')[0]!;
  const shown = await rubato(['blocks', id.slice(0, 8), '--data', data]);
  assert.match(shown.out, /^spans +span\.n +int64 +\w+ +1 /m);
  const json = JSON.parse((await rubato(['blocks', id, '--data', data, '--json'])).out) as {
    tables: { table: string; rows: number }[];
  };
  assert.equal(json.tables.find(({ table }) => table === 'spans')?.rows, 6);
  const missing = await rubato(['blocks', 'nothing', '--data', data]);
  assert.deepEqual([missing.code, missing.err], [1, 'tenant single-tenant has no block nothing\n']);
  const empty = await rubato(['wal', '--data', data]);
  assert.deepEqual([empty.code, empty.out], [0, 'no segments\n']);
});

test('a damaged segment is named, and its neighbours are still answered from', async () => {
  await server.kill();
  server = await startTestServer({ dataFolder: folder.path });
  for (const trace of [11, 12]) {
    const span = { trace, span: trace, service: 'late', name: 'x', startMs: at(20_000 + trace), durationMs: 1 };
    assert.equal(await postSpans(server.otlpHttp, otlpOf([span])), 200);
  }
  const writer = (await rubato(['wal', '--data', data])).out.split('\n')[1]!.split(' ')[0]!;
  const file = path.join(data, 'wal', writer, '0000000002');
  const bytes = readFileSync(file);
  bytes[bytes.length - 3]! ^= 255;
  writeFileSync(file, bytes);
  const wal = await rubato(['wal', writer, '--data', data]);
  assert.equal(wal.code, 1);
  assert.match(wal.out, /^ +1 .* live +single-tenant$/m);
  assert.match(wal.out, /^ +2 .* damaged/m);
  assert.match(wal.out, /\n2 segments, 1 damaged\nwal\/[0-9a-f]+\/0000000002: /);
  const found = await rubato(['search', '{ resource.service.name = "late" }', '--data', data, '--json']);
  assert.match(found.err, /^rubato: segment wal\/[0-9a-f]+\/0000000002 is left out: /);
  assert.equal((JSON.parse(found.out) as { traces: unknown[] }).traces.length, 1);
});

test('a tenant that is not in the folder is said to be missing', async () => {
  const { code, out, err } = await rubato(['search', '{}', '--data', data, '--tenant', 'nobody']);
  assert.deepEqual([code, out], [0, 'no traces\n']);
  assert.ok(err.endsWith(`rubato: nothing of tenant nobody in ${data}; tenants here: single-tenant\n`), err);
});

test('a wrong command line is refused with 2, an unreachable server with 1', async () => {
  const refused: [argv: string[], reason: RegExp][] = [
    [['find'], /unknown command "find"; commands are serve, search, /],
    [['search', '--colour'], /unknown option '--colour'; see --help/],
    [['search', '{}', '{}'], /unexpected argument "\{\}"/],
    [['search', '--limit', '0'], /--limit needs a whole number of at least 1, not "0"/],
    [['search', '--since', 'soon'], /--since needs a duration like 15m or 7d, not "soon"/],
    [['search', '--since', '1h', '--start', '1'], /either --since or --start/],
    [['search', '--start', '2', '--end', '1'], /--start must be before --end/],
    [['search', '--start', 'tea'], /--start needs a time, not "tea"/],
    [['search', '--url', 'ftp://x'], /"ftp:\/\/x" is not an http\(s\) URL/],
    [['search', '--url', 'http://x', '--data', 'y'], /either --url or --data/],
    [['search', '--data', '/nowhere'], /there is no folder \/nowhere/],
    [['trace'], /TRACE_ID is missing/],
    [['metrics'], /QUERY is missing/],
    [['config', 'print', 'x'], /config can be checked, not "print"/],
    [['config', 'check', '/nowhere.yaml'], /cannot read \/nowhere\.yaml/],
    [['vulture', '--validation-cycles', 'many'], /--validation-cycles needs a whole number/],
  ];
  for (const [argv, reason] of refused) {
    const { code, out, err } = await rubato(argv);
    assert.deepEqual([code, out], [2, ''], argv.join(' '));
    assert.match(err, reason);
  }
  const { code, err } = await rubato(['search', '{}', '--url', 'http://127.0.0.1:1']);
  assert.equal(code, 1);
  assert.match(err, /^http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
});

test('config check names mistakes with their lines, and keys without effect', async () => {
  const good = path.join(folder.path, 'good.yaml');
  writeFileSync(good, 'target: all\nmemberlist:\n  join_members: []\n');
  const fine = await rubato(['config', 'check', good]);
  assert.equal(fine.code, 0);
  assert.equal(fine.out, `${good}: does nothing here: memberlist (line 2)\n${good}: OK\n`);
  const bad = path.join(folder.path, 'bad.yaml');
  writeFileSync(bad, 'target: all\nserver:\n  http_listen_port: many\n  colour: red\n');
  const wrong = await rubato(['config', 'check', bad]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.out, new RegExp(`^${bad}:3: server.http_listen_port: `, 'm'));
  assert.match(wrong.out, new RegExp(`^${bad}:4: unknown key server.colour$`, 'm'));
  const json = await rubato(['config', 'check', bad, '--json']);
  assert.equal((JSON.parse(json.out) as { problems: string[] }).problems.length, 2);
});

test('every command has its help', async () => {
  const all = await rubato(['help']);
  const names = [...all.out.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name!);
  assert.ok(names.length >= 11);
  for (const name of names.filter((each) => each !== 'help')) {
    const { code, out } = await rubato(['help', name]);
    assert.equal(code, 0);
    assert.match(out, /^usage: /);
    if (name !== 'serve') assert.equal((await rubato([name, '--help'])).out, out);
  }
});

test('the process ends with the exit code and without colours when nobody looks', () => {
  const main = path.resolve(import.meta.dirname, '../../src/cli/main.ts');
  const run = (...argv: string[]) => spawnSync(process.execPath, [main, ...argv], { encoding: 'utf8' });
  const done = run('trace', '1', '--url', server.http);
  assert.equal(done.status, 0, done.stderr);
  assert.ok(!done.stdout.includes('\x1b'));
  const wrong = run('search', '--colour');
  assert.deepEqual([wrong.status, wrong.stderr], [2, "rubato: unknown option '--colour'; see --help\n"]);
  assert.equal(run('search', '{}', '--url', 'http://127.0.0.1:1').status, 1);
  assert.equal(run('--colour').status, 2);
});

async function untilInBlocks(): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) {
    const text = (await request(`${server.http}/metrics`)).body.toString();
    if (/^rubato_live_spans 0$/m.test(text)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail('spans are still live');
}
