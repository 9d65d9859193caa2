/** Random traces over the words of `smallVocabulary`: small enough to shrink well, odd enough to matter. */
import * as fc from 'fast-check';
import type { AnyValue, KeyValue } from '../../src/model/any-value.ts';
import { type PlainSpan, plainResource, plainScope, plainSpan } from '../../src/model/plain-span.ts';

const string = fc.constantFrom('', 'x', 'y', 'xy', 'nil', '\u{1f600}', '\uffee');
const scalar: fc.Arbitrary<AnyValue> = fc.oneof(
  { weight: 4, arbitrary: string.map((value): AnyValue => ({ type: 'string', value })) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(-1n, 0n, 1n, 2n, 3n, 1n << 53n, (1n << 53n) + 1n)
      .map((value): AnyValue => ({ type: 'int', value })),
  },
  { weight: 2, arbitrary: fc.constantFrom(-0.5, 0, 1, 1.5).map((value): AnyValue => ({ type: 'double', value })) },
  { weight: 2, arbitrary: fc.boolean().map((value): AnyValue => ({ type: 'bool', value })) },
);
const notBool = scalar.filter(({ type }) => type !== 'bool');
const value: fc.Arbitrary<AnyValue> = fc.oneof(
  { weight: 8, arbitrary: scalar },
  {
    weight: 2,
    arbitrary: fc.array(notBool, { maxLength: 3 }).map((list): AnyValue => ({ type: 'array', value: list })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<AnyValue>(
      { type: 'empty' },
      { type: 'bytes', value: Uint8Array.of(1, 2) },
      { type: 'kvlist', value: [{ key: 'x', value: { type: 'int', value: 1n } }] },
    ),
  },
);

const attributes = (keys: readonly string[]): fc.Arbitrary<KeyValue[]> =>
  fc.uniqueArray(fc.record({ key: fc.constantFrom(...keys), value }), { selector: ({ key }) => key, maxLength: 3 });

const resource = fc.tuple(fc.option(string, { nil: undefined }), attributes(['a', 'b'])).map(([service, rest]) =>
  plainResource({
    attributes: [
      ...(service === undefined ? [] : [{ key: 'service.name', value: { type: 'string', value: service } } as const]),
      ...rest,
    ],
  }),
);
const scope = fc
  .record({ name: string, version: string, attributes: attributes(['a']) })
  .map((given) => plainScope(given));

const baseUnixNano = 1_700_000_000_000_000_000n;
const hexId = (number: number, digits: number): string => number.toString(16).padStart(digits, '0');

const shapeOfSpan = fc.record({
  /** Of the earlier spans; -1: none, -2: one that was not received. */
  parent: fc.integer({ min: -2, max: 6 }),
  start: fc.integer({ min: 0, max: 5 }),
  durationNano: fc.constantFrom(0, 1, 1_000_000, 1_500_000, 1_000_000_000),
  kind: fc.integer({ min: 0, max: 5 }),
  statusCode: fc.integer({ min: 0, max: 2 }),
  statusMessage: fc.constantFrom('', '', 'x'),
  name: string,
  place: fc.integer({ min: 0, max: 2 }),
  attributes: attributes(['a', 'b', 'service.name']),
  events: fc.array(
    fc.record({ name: string, at: fc.integer({ min: -1, max: 3 }), attributes: attributes(['a', 'b']) }),
    { maxLength: 2 },
  ),
  links: fc.array(fc.record({ attributes: attributes(['a']), number: fc.integer({ min: 1, max: 300 }) }), {
    maxLength: 2,
  }),
});

/** Spans of 1 to 6 traces, in any order. Span ids are distinct within a trace and parents free of cycles. */
export const arbitrarySpans: fc.Arbitrary<PlainSpan[]> = fc
  .record({
    places: fc.tuple(...[0, 1, 2].map(() => fc.record({ resource, scope }))),
    traces: fc.array(
      fc.record({
        start: fc.integer({ min: 0, max: 4 }),
        spans: fc.array(shapeOfSpan, { minLength: 1, maxLength: 8 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    order: fc.integer(),
  })
  .map(({ places, traces, order }) => {
    const spans: PlainSpan[] = [];
    for (const [t, trace] of traces.entries()) {
      for (const [s, shape] of trace.spans.entries()) {
        const { parent, start, durationNano, place, events, links, ...rest } = shape;
        const startTimeUnixNano = baseUnixNano + BigInt(trace.start) * 1_000_000_000n + BigInt(start) * 1_000_000n;
        spans.push(
          plainSpan({
            ...rest,
            ...places[place]!,
            traceId: hexId(t + 1, 32),
            spanId: hexId(s + 1, 16),
            parentSpanId:
              parent === -2 ? hexId(0xfff0 + t, 16) : parent < 0 || s === 0 ? '' : hexId((parent % s) + 1, 16),
            startTimeUnixNano,
            endTimeUnixNano: startTimeUnixNano + BigInt(durationNano),
            events: events
              .map(({ name, at, attributes: own }) => ({
                name,
                timeUnixNano: startTimeUnixNano + BigInt(at),
                attributes: own,
                droppedAttributesCount: 0,
              }))
              .sort((a, b) => Number(a.timeUnixNano - b.timeUnixNano)),
            links: links.map(({ number, attributes: own }) => ({
              traceId: hexId(number, 32),
              spanId: hexId(number, 16),
              traceState: '',
              flags: 0,
              attributes: own,
              droppedAttributesCount: 0,
            })),
          }),
        );
      }
    }
    return shuffled(spans, order);
  });

function shuffled<T>(list: readonly T[], seed: number): T[] {
  let state = seed | 1;
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    state = Math.imul(state, 1664525) + 1013904223;
    const k = (state >>> 8) % (i + 1);
    [out[i], out[k]] = [out[k]!, out[i]!];
  }
  return out;
}
