/**
 * Recorded exchanges with Tempo (`../shared/conformance/http`), asked again of our API over the same data: status, headers,
 * error texts, and of JSON the paths and types. Numbers differ: the recorded server had taken every span twice and counts
 * other bytes. Recorded bodies are pretty-printed and may be cut.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { jsonToExportRequest } from '../../src/protocol/otlp/json.ts';
import { type Answer, fragmentOf, startTestApi, type TestApi } from './api-server.ts';

const shared = path.resolve(import.meta.dirname, '../../../shared');
const folder = path.join(shared, 'conformance/http');
const skip = existsSync(folder) ? false : `SKIPPED: no recorded exchanges at ${path.join('..', 'shared')}`;

interface Exchange {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly requestHeaders: Record<string, string>;
  readonly requestBody: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function readExchange(file: string): Exchange {
  const lines = readFileSync(path.join(folder, file), 'utf8').split('\n');
  while (lines[0]!.startsWith('#')) lines.shift();
  const split = lines.indexOf('--- response');
  const [requestLine, ...request] = lines.slice(0, split);
  const [method, target] = requestLine!.split(' ');
  const response = lines.slice(split + 2);
  return {
    name: file.replace('.txt', ''),
    method: method!,
    path: target!,
    requestHeaders: headersOf(request),
    requestBody: bodyOf(request),
    status: Number(lines[split + 1]!.replace('HTTP ', '')),
    headers: headersOf(response),
    body: bodyOf(response),
  };
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const end = lines.indexOf('');
  return Object.fromEntries(lines.slice(0, end === -1 ? undefined : end).map((line) => line.split(/: (.*)/s, 2)));
}

function bodyOf(lines: readonly string[]): string {
  const start = lines.indexOf('');
  return start === -1 ? '' : lines.slice(start + 1).join('\n');
}

/** `path type` of everything in pretty-printed JSON that may end early; array items count as one. */
function shapeOf(pretty: string): Set<string> {
  const shape = new Set<string>();
  const open: string[] = [];
  for (const line of pretty.split('\n')) {
    const match = /^ *(?:("(?:[^"\\]|\\.)*"): )?(.*?),?$/.exec(line)!;
    const name = match[1] === undefined ? '[]' : (JSON.parse(match[1]) as string);
    const value = match[2]!;
    if (value.startsWith('}') || value.startsWith(']')) {
      open.pop();
      continue;
    }
    if (value === '' || value.startsWith('…')) break;
    const here = [...open, name].join('.');
    shape.add(`${here} ${typeName(value)}`);
    if (value === '{' || value === '[') open.push(name);
  }
  return shape;
}

function typeName(value: string): string {
  if (value.startsWith('{')) return 'object';
  if (value.startsWith('[')) return 'array';
  if (value.startsWith('"')) return 'string';
  return value === 'true' || value === 'false' ? 'boolean' : 'number';
}

/** What is measured differs, and so may which measurements are zero and left out; names of values depend on the data. */
const measured = /\.metrics\.|\.serviceStats\./;

const exchanges = skip === false ? globSync('*.txt', { cwd: folder }).sort().map(readExchange) : [];
/** Not of this API: receivers, and pages about parts that only Tempo has. */
const ours = exchanges.filter(({ path: target }) => !/^\/v1\/|^\/status\/overrides/.test(target));

let api: TestApi;

before(async () => {
  if (skip !== false) return;
  const { batches } = (await import(pathToFileURL(path.join(shared, 'tracegen/tracegen.mjs')).href)) as {
    batches(options: object): Iterable<{ bytes: Uint8Array }>;
  };
  const base = { seed: 7, traces: 3, baseNs: 1_795_507_200_000_000_000n, spreadSeconds: 10 };
  const json = jsonToExportRequest(Buffer.from(readExchange('02-ingest-json.txt').requestBody));
  api = await startTestApi({
    fragment: fragmentOf(...Array.from(batches(base), ({ bytes }) => bytes), json),
    // The recorded server allowed ten times the default.
    limits: { intervalsMax: 100_000 },
  });
});

after(() => api?.close());

test('exchanges were found', { skip }, () => assert.equal(ours.length, 55));

for (const exchange of ours) {
  test(`recorded exchange ${exchange.name}`, async () => {
    const answer = await api.get(exchange.path, exchange.requestHeaders, exchange.method);
    assert.equal(answer.status, exchange.status, answer.text);
    const page = /^\/(status|metrics)/.test(exchange.path);
    if (!page) assert.equal(answer.headers['content-type'], exchange.headers['content-type']);
    assert.equal(answer.headers.vary, exchange.headers['vary']);
    if (exchange.status >= 400) sameError(answer, exchange);
    else if (answer.headers['content-type'] === 'application/json') sameShape(answer, exchange);
    else if (!page && exchange.headers['content-type']?.startsWith('text/plain'))
      assert.equal(answer.text.trim(), exchange.body.trim());
  });
}

/** Where the parser stopped and what it expected is worded differently. */
function sameError(answer: Answer, exchange: Exchange): void {
  const known = (text: string): string => text.replace(/(parse error|binary operations).*/s, '$1').trim();
  assert.equal(known(answer.text), known(exchange.body));
}

function sameShape(answer: Answer, exchange: Exchange): void {
  const got = shapeOf(JSON.stringify(JSON.parse(answer.text), undefined, 2));
  const missing = [...shapeOf(exchange.body)].filter((item) => !got.has(item) && !measured.test(item));
  assert.deepEqual(missing, []);
}
