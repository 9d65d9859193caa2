import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LruCache } from '../../base/lru-cache.ts';
import { liveFragment } from '../../block/live-fragment.ts';
import { attrName, type PlainAttrs, type PlainSpan, tableOf, valueHex } from '../../block/testing/plain-spans.ts';
import { parseTagFilter } from '../../traceql/lenient.ts';
import { parseAttribute } from '../../traceql/parser.ts';
import type { TagNamesRequest, TagValuesRequest } from '../../traceql/result.ts';
import { runTagNames, runTagValues, type TagsContext } from './run-tags.ts';

const route = attrName('span', 'string', 'route');
const code = attrName('span', 'int', 'code');
const list = attrName('span', 'any', 'list');
const service = attrName('resource', 'string', 'service.name');
const type = attrName('event', 'string', 'type');

let next = 1;
function span(name: string, attrs: PlainAttrs, resource: PlainAttrs, event?: PlainAttrs): PlainSpan {
  const id = (next++).toString(16).padStart(16, '0');
  const start = 1_700_000_000_000_000_000n + BigInt(next) * 1_000_000n;
  const events = event === undefined ? [] : [{ time: start, name: 'exception', attrs: event }];
  const parentId = '0000000000000000';
  return {
    traceId: id.repeat(2),
    spanId: id,
    parentId,
    start,
    end: start + 1000n,
    name,
    kind: 2,
    status: 0,
    attrs,
    resource,
    events,
    links: [],
  };
}

const a = { [service]: valueHex('a') };
const b = { [service]: valueHex('b') };
const spans = [
  span('one', { [route]: valueHex('/'), [code]: valueHex(200n) }, a),
  span('two', { [route]: valueHex('/x'), [code]: valueHex(1.5) }, a, { [type]: valueHex('TypeError') }),
  // An array of "x" and "y".
  span('three', { [list]: '2a0a0a030a01780a030a0179' }, b),
];

const contextOver = (...parts: PlainSpan[][]): TagsContext => ({
  storage: {
    snapshot: async () => ({
      fragments: parts.map((part, k) => liveFragment(`f${k}`, tableOf(part))),
      blockCount: parts.length,
      version: '1',
    }),
  },
  cache: new LruCache(1 << 20),
  pause: async () => {},
});
const context = contextOver(spans.slice(0, 1), spans.slice(1));

const { signal } = new AbortController();
const everything = { tenant: 't', range: { startUnixNano: 0n, endUnixNano: 0n }, limit: 0, maxBytes: 1_000_000 };

async function names(request: Partial<TagNamesRequest>): Promise<Record<string, readonly string[]>> {
  const { scopes } = await runTagNames(context, { ...everything, ...request }, signal);
  return Object.fromEntries(scopes.map(({ name, tags }) => [name, tags]));
}

async function values(tag: string, request: Partial<TagValuesRequest> = {}): Promise<string[]> {
  const parsed = request.tag ?? parseAttribute(tag);
  const found = await runTagValues(context, { ...everything, ...request, tag: parsed }, signal);
  return found.values.map((one) => `${one.type}:${one.value}`);
}

const filtered = (text: string) => ({ filter: parseTagFilter(text)! });

test('names come by scope, sorted, with intrinsics when no scope is named', async () => {
  const { intrinsic, ...attributes } = await names({});
  assert.deepEqual(attributes, { resource: ['service.name'], span: ['code', 'list', 'route'], event: ['type'] });
  assert.ok(intrinsic?.includes('traceDuration'));
  assert.deepEqual(await names({ scope: 'event' }), { event: ['type'] });
  assert.deepEqual(await names({ scope: 'trace' }), {});
});

test('a filter leaves the names of attributes that matching spans have', async () => {
  assert.deepEqual(await names({ scope: 'span', ...filtered('{ name = "three" }') }), { span: ['list'] });
  assert.deepEqual(await names({ scope: 'event', ...filtered('{ name = "one" }') }), {});
  assert.deepEqual(await names({ scope: 'resource', ...filtered('{ name = "none" }') }), {});
});

test('limits count by scope, and bytes in all', async () => {
  assert.deepEqual(await names({ scope: 'span', limit: 2 }), { span: ['code', 'list'] });
  assert.deepEqual(await names({ scope: 'span', maxBytes: 9 }), { span: ['code', 'list'] });
});

test('values have types, and arrays give their elements', async () => {
  assert.deepEqual(await values('span.route'), ['string:/', 'string:/x']);
  assert.deepEqual(await values('span.list'), ['string:x', 'string:y']);
  assert.deepEqual(await values('.service.name'), ['string:a', 'string:b']);
  assert.deepEqual(await values('span.none'), []);
});

test('a filter leaves the values of matching spans, their resources, events and traces', async () => {
  assert.deepEqual(await values('span.route', filtered('{ name = "two" }')), ['string:/x']);
  assert.deepEqual(await values('resource.service.name', filtered('{ span.list != nil }')), ['string:b']);
  assert.deepEqual(await values('event.type', filtered('{ name = "one" }')), []);
  assert.deepEqual(await values('event.type', filtered('{ name != "one" }')), ['string:TypeError']);
  assert.deepEqual(await values('rootName', filtered('{ span.code = 200 }')), ['string:one']);
});

test('status and kind list their keywords, ids and durations nothing, an unset message the empty string', async () => {
  assert.deepEqual(await values('status', filtered('{ name = "none" }')), [
    'keyword:error',
    'keyword:ok',
    'keyword:unset',
  ]);
  assert.equal((await values('kind')).length, 6);
  assert.deepEqual(await values('duration'), []);
  assert.deepEqual(await values('trace:id'), []);
  assert.deepEqual(await values('statusMessage'), ['string:']);
  assert.deepEqual(await values('span:childCount'), ['int:0']);
});

test('plain names look at spans and resources, some have a meaning of their own', async () => {
  assert.deepEqual(await values('', { tag: 'service.name' }), ['string:a', 'string:b']);
  assert.deepEqual(await values('', { tag: 'resource.service.name' }), []);
  assert.deepEqual(await values('', { tag: 'type' }), []);
  assert.deepEqual(await values('', { tag: 'name' }), ['string:one', 'string:three', 'string:two']);
  assert.deepEqual(await values('', { tag: 'root.service.name' }), ['string:a', 'string:b']);
  assert.deepEqual(await values('', { tag: 'status.code' }), ['string:error', 'string:ok', 'string:unset']);
  assert.deepEqual(await values('', { tag: 'kind' }), []);
});

test('values are cut by number and by bytes', async () => {
  assert.deepEqual(await values('name', { limit: 2 }), ['string:one', 'string:three']);
  assert.equal((await values('name', { maxBytes: 6 })).length, 2);
});

test('a number in a filter meets attributes of its own type', async () => {
  const floats = contextOver([span('f', { [attrName('span', 'double', 'load')]: valueHex(2.5) }, a)]);
  const found = async (text: string): Promise<number> => {
    const request = { ...everything, tag: parseAttribute('name'), ...filtered(text) };
    return (await runTagValues(floats, request, signal)).values.length;
  };
  assert.equal(await found('{ span.load > 2.0 }'), 1);
  assert.equal(await found('{ span.load > 2 }'), 0);
  assert.equal(await found('{ 2 < span.load || name = "f" }'), 1);
});
