import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { stringify } from 'yaml';
import { openStoredFolder } from '../../src/app/data-folder.ts';
import { readMeta } from '../../src/cli/import-tempo/tempo-block.ts';
import { rubato } from '../cli/run.ts';
import { temporaryFolder } from '../support/server.ts';
import { type TempoVersion, writeTempoBlock } from './tempo-writer.ts';

const folder = temporaryFolder('import');
after(folder.remove);

const startUnixNano = 1_795_507_200_000_000_000n;
const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const id = (n: number, length: number): Uint8Array => Buffer.from(n.toString(16).padStart(length * 2, '0'), 'hex');

interface Given {
  readonly [key: string]: unknown;
}

const attribute = (Key: string, given: Given): object => ({
  Key,
  IsArray: false,
  Value: [],
  ValueInt: [],
  ValueDouble: [],
  ValueBool: [],
  ValueUnsupported: null,
  ...given,
});

/** Nothing in the columns that are handed out, but what is given. */
function dedicated(version: TempoVersion, given: Given = {}): object {
  const empty = version === 'vParquet5' ? [] : null;
  const names = Array.from(
    { length: version === 'vParquet5' ? 20 : 10 },
    (_, at) => `String${String(at + 1).padStart(2, '0')}`,
  );
  if (version === 'vParquet5') names.push(...Array.from({ length: 5 }, (_, at) => `Int0${at + 1}`));
  return { ...Object.fromEntries(names.map((name) => [name, empty])), ...given };
}

function span(version: TempoVersion, given: Given): object {
  return {
    ParentSpanID: new Uint8Array(0),
    ParentID: -1,
    NestedSetLeft: 1,
    NestedSetRight: 2,
    Name: 'span',
    Kind: 2n,
    TraceState: '',
    StartTimeUnixNano: startUnixNano,
    DurationNano: 1_000_000n,
    StatusCode: 0n,
    StatusMessage: '',
    Attrs: [],
    DroppedAttributesCount: 0,
    Events: [],
    DroppedEventsCount: 0,
    Links: [],
    DroppedLinksCount: 0,
    ...(version === 'vParquet4' && { HttpMethod: null, HttpUrl: null, HttpStatusCode: null }),
    DedicatedAttributes: dedicated(version),
    ...given,
  };
}

function resourceSpans(version: TempoVersion, spans: readonly object[], service = 'shop', given: Given = {}): object {
  return {
    Resource: {
      Attrs: [],
      DroppedAttributesCount: 0,
      ServiceName: service,
      ...(version === 'vParquet4' && { Cluster: null, K8sPodName: null }),
      DedicatedAttributes: dedicated(version),
      ...given,
    },
    ss: [
      {
        Scope: {
          Name: 'lib',
          Version: '2',
          Attrs: [attribute('scoped', { ValueBool: [true] })],
          DroppedAttributesCount: 3,
        },
        Spans: spans,
      },
    ],
  };
}

/** A trace with everything that a schema has a column for. */
function fullTrace(version: TempoVersion): { TraceID: Uint8Array; rs: object[] } {
  const five = version === 'vParquet5';
  const root = span(version, {
    SpanID: id(1, 8),
    Name: 'root',
    TraceState: 'a=b',
    StatusCode: 2n,
    StatusMessage: 'broken',
    DroppedAttributesCount: 1,
    DroppedEventsCount: 2,
    DroppedLinksCount: 3,
    Attrs: [
      attribute('text', { Value: ['x'] }),
      attribute('int', { ValueInt: [-7n] }),
      attribute('double', { ValueDouble: [1.5] }),
      attribute('bool', { ValueBool: [false] }),
      attribute('list', { IsArray: true, Value: ['p', 'q'] }),
      attribute('one', { IsArray: true, ValueInt: [5n] }),
      attribute('none', { IsArray: true }),
      attribute('map', {
        ValueUnsupported: '{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"9"}}]}}',
      }),
      attribute('bytes', { ValueUnsupported: '{"bytesValue":"AQI="}' }),
    ],
    Events: [
      {
        TimeSinceStartNano: 5n,
        Name: 'event',
        Attrs: [attribute('e', { Value: ['v'] })],
        DroppedAttributesCount: 4,
        ...(five && { DedicatedAttributes: dedicated(version, { String01: ['boom'] }) }),
      },
    ],
    Links: [{ TraceID: id(99, 16), SpanID: id(98, 8), TraceState: 'l=1', Attrs: [], DroppedAttributesCount: 0 }],
    ...(five ? {} : { HttpMethod: 'GET', HttpUrl: 'http://x/', HttpStatusCode: 200n }),
    DedicatedAttributes: dedicated(
      version,
      five ? { String01: ['eu'], String02: ['a', 'b'], Int01: [443n] } : { String01: 'eu' },
    ),
  });
  const child = span(version, {
    SpanID: id(2, 8),
    ParentSpanID: id(1, 8),
    Name: 'child',
    StartTimeUnixNano: startUnixNano + 1000n,
  });
  const resource = {
    Attrs: [attribute('host.name', { Value: ['h'] })],
    ...(five ? {} : { Cluster: 'c', K8sPodName: 'pod-1' }),
    DedicatedAttributes: dedicated(version, { String01: five ? ['10.0.0.1'] : '10.0.0.1' }),
  };
  return {
    TraceID: id(7, 16),
    rs: [resourceSpans(version, [root], 'shop', resource), resourceSpans(version, [child], '')],
  };
}

const columns: Readonly<Record<TempoVersion, readonly object[]>> = {
  vParquet4: [{ s: 'resource', n: 'ip' }, { n: 'region' }],
  vParquet5: [
    { s: 'resource', n: 'ip' },
    { s: 'span', n: 'region' },
    { n: 'port', t: 'int' },
    { n: 'tags', o: ['array'] },
    { s: 'event', n: 'exception' },
  ],
};

interface OtlpTrace {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: object }[] };
    readonly scopeSpans: readonly { readonly scope: object; readonly spans: readonly Record<string, unknown>[] }[];
  }[];
}

async function storedTrace(data: string, tenant: string, traceId: string): Promise<OtlpTrace> {
  const { code, out, err } = await rubato(['trace', '--data', data, '--tenant', tenant, '--json', traceId]);
  assert.equal(code, 0, err);
  return JSON.parse(out) as OtlpTrace;
}

const byKey = (list: unknown): Record<string, unknown> =>
  Object.fromEntries((list as { key: string; value: unknown }[]).map(({ key, value }) => [key, value]));

for (const version of ['vParquet4', 'vParquet5'] as const) {
  test(`everything that a block of ${version} holds is there afterwards`, async () => {
    const from = path.join(folder.path, version);
    const data = path.join(folder.path, `${version}-data`);
    const trace = fullTrace(version);
    writeTempoBlock(from, { tenant: 'a', id: uuid(1), version, traces: [trace], dedicatedColumns: columns[version] });
    const { code, out, err } = await rubato(['import', 'tempo', '--from', from, '--data', data]);
    assert.equal(code, 0, err);
    assert.equal(out, '1 block with 1 trace and 2 spans are here, counts verified\n');

    const { resourceSpans } = await storedTrace(data, 'a', '7');
    const first = resourceSpans.find(({ scopeSpans }) => scopeSpans[0]!.spans[0]!['name'] === 'root')!;
    const five = version === 'vParquet5';
    assert.deepEqual(byKey(first.resource.attributes), {
      'service.name': { stringValue: 'shop' },
      'host.name': { stringValue: 'h' },
      ip: { stringValue: '10.0.0.1' },
      ...(five ? {} : { cluster: { stringValue: 'c' }, 'k8s.pod.name': { stringValue: 'pod-1' } }),
    });
    assert.deepEqual(first.scopeSpans[0]!.scope, {
      name: 'lib',
      version: '2',
      attributes: [{ key: 'scoped', value: { boolValue: true } }],
      droppedAttributesCount: 3,
    });
    const { attributes, events, links, ...root } = first.scopeSpans[0]!.spans[0]!;
    assert.deepEqual(root, {
      traceId: '00000000000000000000000000000007',
      spanId: '0000000000000001',
      traceState: 'a=b',
      name: 'root',
      kind: 2,
      startTimeUnixNano: '1795507200000000000',
      endTimeUnixNano: '1795507200001000000',
      droppedAttributesCount: 1,
      droppedEventsCount: 2,
      droppedLinksCount: 3,
      status: { code: 2, message: 'broken' },
    });
    assert.deepEqual(byKey(attributes), {
      text: { stringValue: 'x' },
      int: { intValue: '-7' },
      double: { doubleValue: 1.5 },
      bool: { boolValue: false },
      list: { arrayValue: { values: [{ stringValue: 'p' }, { stringValue: 'q' }] } },
      one: { arrayValue: { values: [{ intValue: '5' }] } },
      none: { arrayValue: {} },
      map: { kvlistValue: { values: [{ key: 'k', value: { intValue: '9' } }] } },
      bytes: { bytesValue: 'AQI=' },
      region: { stringValue: 'eu' },
      ...(five
        ? { tags: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } }, port: { intValue: '443' } }
        : {
            'http.method': { stringValue: 'GET' },
            'http.url': { stringValue: 'http://x/' },
            'http.status_code': { intValue: '200' },
          }),
    });
    const [event] = events as Record<string, unknown>[];
    assert.deepEqual(
      { ...event, attributes: byKey(event!['attributes']) },
      {
        timeUnixNano: '1795507200000000005',
        name: 'event',
        attributes: { e: { stringValue: 'v' }, ...(five && { exception: { stringValue: 'boom' } }) },
        droppedAttributesCount: 4,
      },
    );
    assert.deepEqual(links, [
      { traceId: '00000000000000000000000000000063', spanId: '0000000000000062', traceState: 'l=1' },
    ]);
    const second = resourceSpans.find(({ scopeSpans }) => scopeSpans[0]!.spans[0]!['name'] === 'child')!;
    assert.deepEqual(second.resource.attributes ?? [], []);
    assert.equal(second.scopeSpans[0]!.spans[0]!['parentSpanId'], '0000000000000001');
  });
}

/** Many small traces; spans of every tenth are there twice, one span has no id. */
function manyTraces(version: TempoVersion, first: number, count: number): { TraceID: Uint8Array; rs: object[] }[] {
  return Array.from({ length: count }, (_, n) => {
    const one = span(version, { SpanID: id(first + n, 8) });
    const spans = [one, ...(n % 10 === 0 ? [one] : []), ...(n === 3 ? [span(version, { SpanID: id(0, 8) })] : [])];
    return { TraceID: id(first + n, 16), rs: [resourceSpans(version, spans)] };
  });
}

test('several blocks and tenants, in slices; a second run finds all done', async () => {
  const from = path.join(folder.path, 'many');
  const data = path.join(folder.path, 'many-data');
  const id1 = uuid(1);
  writeTempoBlock(from, { tenant: 'a', id: id1, version: 'vParquet4', traces: manyTraces('vParquet4', 1, 1100) });
  writeTempoBlock(from, { tenant: 'b', id: uuid(2), version: 'vParquet5', traces: manyTraces('vParquet5', 5000, 700) });
  // Compacted away, and of a format of old.
  mkdirSync(path.join(from, 'a', uuid(3)));
  writeFileSync(
    path.join(from, 'a', uuid(3), 'meta.compacted.json'),
    readFileSync(path.join(from, 'a', id1, 'meta.json')),
  );
  const file = path.join(folder.path, 'tempo.yaml');
  writeFileSync(file, stringify({ storage: { trace: { backend: 'local', local: { path: from } } } }));

  const first = await rubato(['import', 'tempo', '--from', file, '--data', data]);
  assert.equal(first.code, 0, first.err);
  assert.match(
    first.out,
    /^2 blocks with 1,800 traces and 1,980 spans are here, counts verified\n180 spans stored once that were there twice\n2 spans left out: no usable id\n$/,
  );
  assert.match(first.err, /^\[1\/2\] a 0{8}\S+: 1,100 traces, 1,210 spans, [\d,]+ a second$/m);
  const again = await rubato(['import', 'tempo', '--from', from, '--data', data, '--json']);
  assert.deepEqual(JSON.parse(again.out), {
    blocks: 2,
    before: 2,
    traces: 1800,
    spans: 1980,
    duplicates: 180,
    refused: 2,
    unread: [],
  });
  for (const [tenant, traces] of [
    ['a', 1100],
    ['b', 700],
  ] as const) {
    const { manifest } = await openStoredFolder(data);
    const blocks = [...(await manifest.load(tenant)).blocks.values()];
    assert.equal(
      blocks.reduce((sum, { traceCount }) => sum + traceCount, 0),
      traces,
    );
  }
  const range = ['--start', String(startUnixNano - 1n), '--end', String(startUnixNano + 10_000_000n)];
  const count = await rubato([
    'metrics',
    '--data',
    data,
    '--tenant',
    'a',
    ...range,
    '--instant',
    '{} | count_over_time()',
  ]);
  assert.match(count.out, /1,100/);
});

test('a run that was killed between commit and note is not done twice, one before the commit is', async () => {
  const from = path.join(folder.path, 'killed');
  const data = path.join(folder.path, 'killed-data');
  writeTempoBlock(from, { tenant: 'a', id: uuid(1), version: 'vParquet5', traces: manyTraces('vParquet5', 1, 20) });
  assert.equal((await rubato(['import', 'tempo', '--from', from, '--data', data])).code, 0);
  const noteFile = path.join(data, 'imports/tempo/a', uuid(1));
  const note = JSON.parse(readFileSync(noteFile, 'utf8')) as { blocks: string[] };
  const blockCount = async (): Promise<number> => (await (await openStoredFolder(data)).manifest.load('a')).blocks.size;
  writeFileSync(noteFile, JSON.stringify({ ...note, state: 'committing' }));
  const afterCommit = await rubato(['import', 'tempo', '--from', from, '--data', data]);
  assert.match(afterCommit.out, /1 block done before/);
  assert.deepEqual([await blockCount(), JSON.parse(readFileSync(noteFile, 'utf8')).state], [1, 'done']);

  rmSync(data, { recursive: true });
  mkdirSync(path.dirname(noteFile), { recursive: true });
  writeFileSync(noteFile, JSON.stringify({ ...note, state: 'committing' }));
  const beforeCommit = await rubato(['import', 'tempo', '--from', from, '--data', data]);
  assert.doesNotMatch(beforeCommit.out, /done before/);
  assert.equal(await blockCount(), 1);
});

test('counts that differ, old formats and damage are said, and nothing half is left', async () => {
  const from = path.join(folder.path, 'wrong');
  const data = path.join(folder.path, 'wrong-data');
  const traces = manyTraces('vParquet4', 1, 5);
  writeTempoBlock(from, { tenant: 'a', id: uuid(1), version: 'vParquet4', traces, objectCount: 6 });
  const differ = await rubato(['import', 'tempo', '--from', from, '--data', data]);
  assert.equal(differ.code, 1);
  assert.match(differ.err, /block 0{8}-\S+ of tenant a: traces of the file and of its meta\.json differ: 5 and 6/);
  assert.equal((await (await openStoredFolder(data)).manifest.load('a')).blocks.size, 0);

  writeTempoBlock(from, { tenant: 'a', id: uuid(1), version: 'vParquet3' as TempoVersion, traces });
  const old = await rubato(['import', 'tempo', '--from', from, '--data', data]);
  assert.deepEqual([old.code, /format vParquet3 cannot be read/.test(old.err)], [1, true]);

  writeTempoBlock(from, { tenant: 'a', id: uuid(1), version: 'vParquet4', traces });
  writeFileSync(path.join(from, 'a', uuid(1), 'data.parquet'), 'PAR1 no PAR1');
  const damaged = await rubato(['import', 'tempo', '--from', from, '--data', data]);
  assert.equal(damaged.code, 1);
  assert.match(damaged.err, /a\/0{8}-\S+\/data\.parquet: /);
  assert.throws(() => readMeta('a/meta.json', 'a', uuid(1), '{"format":1}'), /a\/meta\.json: not the meta of a block/);

  const wrong = async (...argv: string[]) => (await rubato(['import', ...argv])).err;
  assert.match(await wrong('jaeger', '--from', from), /blocks of tempo can be imported, not "jaeger"/);
  assert.match(await wrong('tempo'), /--from is missing/);
  assert.match(await wrong('tempo', '--from', '/nowhere'), /there is no folder or file/);
  assert.match(await wrong('tempo', '--from', folder.path, '--data', data, '--tenant', 'z'), /no blocks of Tempo/);
});
