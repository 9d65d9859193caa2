/**
 * Deterministic random spans for tests: all attribute types, keys of several types, field columns, events, links, shared
 * resources, several roots, missing parents, cycles, ids shared by client and server, spans sent twice, clocks at 0,
 * ends before starts. Small numbers of traces hold nearly everything.
 */
import type { SpanTableData } from '../../model/span-table.ts';
import {
  attrName,
  type PlainAttrs,
  type PlainEvent,
  type PlainLink,
  type PlainSpan,
  tableOf,
  valueHex,
} from './plain-spans.ts';

export interface RandomOptions {
  readonly seed: number;
  readonly traces: number;
  /** Highest number of spans of a trace. Default 12. */
  readonly spansPerTraceMax?: number;
  /** Different attribute keys of spans besides the usual ones. Default 20. */
  readonly rareKeys?: number;
  /** Cycles, wrong clocks, duplicates and the like. Default true. */
  readonly broken?: boolean;
  /** Start of the first trace in Unix ns. */
  readonly baseUnixNano?: bigint;
}

export interface Random {
  /** Integer in [0, n). */
  below(n: number): number;
  chance(p: number): boolean;
  pick<T>(from: readonly T[]): T;
  hex(bytes: number): string;
}

/** mulberry32: small and the same everywhere. */
export function random(seed: number): Random {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (n: number) => Math.floor((next() / 4294967296) * n);
  return {
    below,
    chance: (p) => next() < p * 4294967296,
    pick: (from) => from[below(from.length)]!,
    hex: (bytes) => Array.from({ length: bytes }, () => below(256).toString(16).padStart(2, '0')).join(''),
  };
}

/** AnyValue arrays, maps, bytes and the empty value, as on the wire. */
const anyValues = ['', '2a00', '2a080a060a0278790801', '3a020102', '32090a0701036b1202180a'];

export function randomSpans(options: RandomOptions): PlainSpan[] {
  const r = random(options.seed);
  const spans: PlainSpan[] = [];
  const base = options.baseUnixNano ?? 1_700_000_000_000_000_000n;
  const resources = Array.from({ length: 6 }, (_, i) => randomResource(r, i));
  for (let t = 0; t < options.traces; t++) {
    const traceId = r.hex(16);
    spans.push(...randomTrace(r, traceId, base + BigInt(r.below(60_000)) * 1_000_003n, resources, options));
  }
  return shuffle(r, spans);
}

export const randomTable = (options: RandomOptions): SpanTableData => tableOf(randomSpans(options));

export function shuffle<T>(r: Random, list: readonly T[]): T[] {
  const out = list.slice();
  for (let i = out.length - 1; i > 0; i--) {
    const k = r.below(i + 1);
    [out[i], out[k]] = [out[k]!, out[i]!];
  }
  return out;
}

function randomTrace(
  r: Random,
  traceId: string,
  start: bigint,
  resources: readonly PlainAttrs[],
  options: RandomOptions,
): PlainSpan[] {
  const broken = options.broken ?? true;
  const count = 1 + r.below(options.spansPerTraceMax ?? 12);
  const spans: PlainSpan[] = [];
  for (let i = 0; i < count; i++) {
    const parent = i === 0 ? undefined : spans[r.below(i)]!;
    let span: PlainSpan = {
      traceId,
      spanId: r.hex(8),
      parentId: parent?.spanId ?? NO_ID,
      start: start + BigInt(r.below(1000) * 1000),
      end: start + 1_000_000n + BigInt(r.below(5000) * 777),
      name: r.pick(['GET /', 'query', 'résumé', '', 'publish']),
      kind: r.below(6),
      status: r.pick([0, 0, 0, 1, 2]),
      attrs: randomAttrs(r, options),
      resource: r.pick(resources),
      events: r.chance(0.3) ? Array.from({ length: 1 + r.below(3) }, () => randomEvent(r, start)) : [],
      links: r.chance(0.15) ? Array.from({ length: 1 + r.below(2) }, () => randomLink(r)) : [],
    };
    if (broken) span = breakSpan(r, span, spans);
    spans.push(span);
  }
  if (broken && count > 3 && r.chance(0.1)) {
    // A cycle of three that nothing above reaches.
    const [a, b, c] = [spans[1]!, spans[2]!, spans[3]!];
    spans[1] = { ...a, parentId: c.spanId };
    spans[2] = { ...b, parentId: a.spanId };
    spans[3] = { ...c, parentId: b.spanId };
  }
  return broken ? [...spans, ...spans.filter(() => r.chance(0.05))] : spans;
}

const NO_ID = '0000000000000000';

function breakSpan(r: Random, span: PlainSpan, earlier: readonly PlainSpan[]): PlainSpan {
  switch (r.below(30)) {
    case 0:
      return { ...span, parentId: r.hex(8) };
    case 1:
      return { ...span, parentId: span.spanId };
    case 2:
      return { ...span, parentId: NO_ID };
    case 3:
      return { ...span, start: 0n, end: 0n };
    case 4:
      return { ...span, end: span.start - 12_345n };
    case 5:
      return { ...span, end: 0xffff_ffff_ffff_ffffn };
    case 6:
    case 7: {
      const client = earlier.at(-1);
      if (client === undefined) return span;
      // Not at the same time, also as doubles far from a base: which of two equal starts comes first is open.
      const { spanId, parentId, start, kind } = client;
      return { ...span, spanId, parentId, start: start + 4096n, kind: kind === 3 ? 2 : 3 };
    }
    default:
      return span;
  }
}

function randomAttrs(r: Random, options: RandomOptions): PlainAttrs {
  const attrs: Record<string, string> = {};
  const set = (type: 'string' | 'int' | 'double' | 'bool' | 'any', key: string, value: string) => {
    attrs[attrName('span', type, key)] = value;
  };
  if (r.chance(0.7)) set('string', 'http.route', valueHex(r.pick(['/', '/a', '/b/:id', '', 'ü'])));
  if (r.chance(0.5)) set('int', 'http.status_code', valueHex(r.pick([200n, 404n, -1n, 2n ** 63n - 1n, -(2n ** 63n)])));
  if (r.chance(0.4)) set('double', 'load', valueHex(r.pick([0, -0, 0.5, Number.NaN, Number.POSITIVE_INFINITY])));
  if (r.chance(0.4)) set('bool', 'cache.hit', valueHex(r.chance(0.5)));
  if (r.chance(0.3)) set('any', 'list', r.pick(anyValues));
  if (r.chance(0.9)) set('string', 'unique', valueHex(r.hex(12)));
  if (r.chance(0.3)) set(r.pick(['string', 'int', 'double'] as const), 'mixed', valueHex(1n));
  if (r.chance(0.3))
    attrs[attrName('span', 'int', `rare.${r.below(options.rareKeys ?? 20)}`)] = valueHex(BigInt(r.below(9)));
  if (r.chance(0.2)) attrs[attrName('spanField', 'string', 'statusMessage')] = valueHex(r.pick(['boom', 'timeout']));
  if (r.chance(0.1)) attrs[attrName('spanField', 'string', 'traceState')] = valueHex('a=1,b=2');
  if (r.chance(0.2)) attrs[attrName('spanField', 'int', 'flags')] = valueHex(BigInt(r.below(3) + 1));
  if (r.chance(0.1)) attrs[attrName('spanField', 'int', 'droppedAttributesCount')] = valueHex(0xffffffffn);
  if (r.chance(0.05)) attrs[attrName('spanField', 'any', 'duplicateAttributes')] = r.pick(anyValues);
  return attrs;
}

function randomEvent(r: Random, start: bigint): PlainEvent {
  const attrs: Record<string, string> = {};
  if (r.chance(0.5)) attrs[attrName('event', 'string', 'exception.type')] = valueHex(r.pick(['TypeError', 'IOError']));
  if (r.chance(0.3)) attrs[attrName('event', 'int', 'attempt')] = valueHex(BigInt(r.below(4)));
  if (r.chance(0.1)) attrs[attrName('eventField', 'int', 'droppedAttributesCount')] = valueHex(3n);
  return {
    time: start + BigInt(r.below(4000)) * 1_000n - 500_000n,
    name: r.pick(['exception', 'retry', '']),
    attrs,
  };
}

function randomLink(r: Random): PlainLink {
  const attrs: Record<string, string> = {};
  if (r.chance(0.5)) attrs[attrName('link', 'string', 'kind')] = valueHex(r.pick(['follows', 'child']));
  if (r.chance(0.2)) attrs[attrName('linkField', 'string', 'traceState')] = valueHex('l=1');
  return { traceId: r.hex(16), spanId: r.chance(0.1) ? NO_ID : r.hex(8), attrs };
}

function randomResource(r: Random, index: number): PlainAttrs {
  const attrs: Record<string, string> = {
    [attrName('resource', 'string', 'service.name')]: valueHex(`service-${index}`),
    [attrName('resource', 'int', 'process.pid')]: valueHex(BigInt(index)),
  };
  if (index === 5) delete attrs[attrName('resource', 'string', 'service.name')];
  if (r.chance(0.5)) attrs[attrName('resourceField', 'string', 'scopeName')] = valueHex('otel.http');
  if (r.chance(0.5)) attrs[attrName('resourceField', 'string', 'scopeVersion')] = valueHex('1.0.0');
  if (r.chance(0.3)) attrs[attrName('instrumentation', 'bool', 'stable')] = valueHex(true);
  if (r.chance(0.3)) attrs[attrName('resourceField', 'any', 'entityRefs')] = anyValues[1]!;
  return attrs;
}
