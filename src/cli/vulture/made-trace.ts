/**
 * The traces that the vulture writes. All of a trace follows from the millisecond it is written at, so that whoever knows
 * that moment knows what must be read: nothing is remembered but times. A trace uses every field that OTLP has.
 */

import { type Rng, randomHex, SeededRng } from '../../base/random.ts';
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import {
  type PlainEvent,
  type PlainLink,
  type PlainResource,
  type PlainScope,
  type PlainSpan,
  plainResource,
  plainScope,
  plainSpan,
} from '../../model/plain-span.ts';

export interface MadeTrace {
  readonly writtenMs: number;
  /** 32 hex digits. */
  readonly traceId: string;
  /** What is sent at once, and what is sent a while later to complete it. Parents are never later than children. */
  readonly writes: readonly (readonly PlainSpan[])[];
  /** A span attribute that no other trace has. */
  readonly tag: { readonly key: string; readonly value: string };
}

/** Few keys, so that the vulture's data looks like other data: keys repeat, values do not. */
const tagKeys = 12;
const services = ['nest', 'roost', 'thermal', 'carcass'];

export function madeTrace(writtenMs: number): MadeTrace {
  const rng = new SeededRng(Math.imul(writtenMs % 2 ** 32, 0x9e3779b1) ^ Math.floor(writtenMs / 2 ** 32));
  const traceId = randomHex(rng, 16);
  const writes: PlainSpan[][] = [];
  const maker = new SpanMaker(rng, traceId, BigInt(writtenMs) * 1_000_000n);
  const writeCount = 1 + below(rng, 2);
  for (let write = 0; write < writeCount; write++) {
    const spans: PlainSpan[] = [];
    for (let count = 3 + below(rng, 10); count > 0; count--) spans.push(maker.next());
    writes.push(spans);
  }
  const tagged = writes.flat().flatMap(({ attributes }) => attributes.filter(({ key }) => key.startsWith('vulture-')));
  const chosen = tagged[below(rng, tagged.length)]!;
  return {
    writtenMs,
    traceId,
    writes,
    tag: { key: chosen.key, value: String((chosen.value as { value: unknown }).value) },
  };
}

class SpanMaker {
  readonly #rng: Rng;
  readonly #traceId: string;
  readonly #writtenUnixNano: bigint;
  readonly #origins: readonly { resource: PlainResource; scope: PlainScope }[];
  readonly #earlier: PlainSpan[] = [];

  constructor(rng: Rng, traceId: string, writtenUnixNano: bigint) {
    this.#rng = rng;
    this.#traceId = traceId;
    this.#writtenUnixNano = writtenUnixNano;
    this.#origins = services.map((service) => ({ resource: resource(rng, service), scope: scope(rng) }));
  }

  next(): PlainSpan {
    const rng = this.#rng;
    const parent = this.#earlier[below(rng, this.#earlier.length)];
    // Two seconds back, so that all of a trace lies in the past when it is sent.
    const start = this.#writtenUnixNano - 2_000_000_000n + BigInt(below(rng, 1_000_000_000));
    const end = start + BigInt(below(rng, 1_000_000_000));
    const isError = rng.float() < 0.2;
    const span = plainSpan({
      traceId: this.#traceId,
      spanId: randomHex(rng, 8),
      parentSpanId: parent?.spanId ?? '',
      traceState: rng.float() < 0.3 ? `vulture=${randomHex(rng, 4)}` : '',
      flags: 1 + 256 * below(rng, 2),
      name: `circle ${below(rng, 20)}`,
      kind: 1 + below(rng, 5),
      startTimeUnixNano: start,
      endTimeUnixNano: end,
      attributes: [tag(rng), ...attributes(rng)],
      droppedAttributesCount: below(rng, 3),
      events: Array.from({ length: below(rng, 3) }, () => event(rng, start)).sort(byTime),
      droppedEventsCount: below(rng, 2),
      links: Array.from({ length: below(rng, 2) }, () => link(rng)),
      droppedLinksCount: below(rng, 2),
      statusCode: isError ? 2 : below(rng, 2),
      statusMessage: isError ? 'nothing left' : '',
      ...this.#origins[below(rng, this.#origins.length)]!,
    });
    this.#earlier.push(span);
    return span;
  }
}

function tag(rng: Rng): KeyValue {
  return { key: `vulture-${below(rng, tagKeys)}`, value: { type: 'string', value: randomHex(rng, 8) } };
}

function resource(rng: Rng, service: string): PlainResource {
  return plainResource({
    attributes: [
      { key: 'service.name', value: { type: 'string', value: `vulture-${service}` } },
      { key: 'host.name', value: { type: 'string', value: `tree-${below(rng, 4)}` } },
      { key: 'process.pid', value: { type: 'int', value: BigInt(1 + below(rng, 30_000)) } },
    ],
    droppedAttributesCount: below(rng, 2),
    schemaUrl: 'https://opentelemetry.io/schemas/1.37.0',
  });
}

function scope(rng: Rng): PlainScope {
  return plainScope({
    name: 'vulture',
    version: `1.${below(rng, 3)}`,
    attributes: [{ key: 'made.by', value: { type: 'string', value: 'rubato' } }],
    droppedAttributesCount: below(rng, 2),
    schemaUrl: 'https://opentelemetry.io/schemas/1.36.0',
  });
}

/** Distinct keys: what several values of one key mean is up to whoever reads. */
function attributes(rng: Rng): KeyValue[] {
  const made: KeyValue[] = [];
  for (const [key, make] of Object.entries(values)) if (rng.float() < 0.6) made.push({ key, value: make(rng) });
  return made;
}

const values: Readonly<Record<string, (rng: Rng) => AnyValue>> = {
  'http.request.method': (rng) => ({ type: 'string', value: ['GET', 'POST', 'PUT'][below(rng, 3)]! }),
  'http.response.status_code': (rng) => ({ type: 'int', value: BigInt(200 + 100 * below(rng, 4)) }),
  'flight.height': (rng) => ({ type: 'double', value: rng.float() * 3000 }),
  'flight.soaring': (rng) => ({ type: 'bool', value: rng.float() < 0.5 }),
  'flight.balance': (rng) => ({ type: 'int', value: -BigInt(rng.uint32()) * BigInt(rng.uint32() >>> 1) }),
  'flight.path': (rng) => ({
    type: 'array',
    value: Array.from({ length: 1 + below(rng, 3) }, () => ({ type: 'int', value: BigInt(below(rng, 360)) })),
  }),
  'flight.wing': (rng) => ({
    type: 'kvlist',
    value: [
      { key: 'span', value: { type: 'double', value: 2 + rng.float() } },
      { key: 'side', value: { type: 'string', value: 'left' } },
    ],
  }),
  'flight.track': (rng) => ({ type: 'bytes', value: Uint8Array.from({ length: 8 }, () => below(rng, 256)) }),
  'flight.note': (rng) => ({
    type: 'string',
    value: ['Ω ünïcode 🦅', 'two\nlines', '"quoted" \\', ''][below(rng, 4)]!,
  }),
};

function event(rng: Rng, start: bigint): PlainEvent {
  return {
    timeUnixNano: start + BigInt(below(rng, 500_000_000)),
    name: `sighting ${below(rng, 5)}`,
    attributes: attributes(rng),
    droppedAttributesCount: below(rng, 2),
  };
}

/** As SDKs send them; stored events are in this order whatever theirs was. */
const byTime = (a: PlainEvent, b: PlainEvent): number => (a.timeUnixNano < b.timeUnixNano ? -1 : 1);

function link(rng: Rng): PlainLink {
  return {
    traceId: randomHex(rng, 16),
    spanId: randomHex(rng, 8),
    traceState: '',
    flags: below(rng, 2),
    attributes: attributes(rng),
    droppedAttributesCount: below(rng, 2),
  };
}

const below = (rng: Rng, bound: number): number => Math.floor(rng.float() * bound);
