/** Jaeger's JSON (`{"data":[{spans, processes}]}`, times in µs) as OTLP's. https://www.jaegertracing.io/docs/latest/apis/ */

type Json = Readonly<Record<string, unknown>>;
const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(object) : []);

const kinds: Readonly<Record<string, number>> = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 };

export function jaegerToOtlp(traces: readonly unknown[]): unknown[] {
  return traces.flatMap((trace) => {
    const processes = object(object(trace)['processes']);
    return list(object(trace)['spans']).map((span) => {
      const process = object(processes[String(span['processID'])] ?? span['process']);
      const tags = list(span['tags']);
      const tag = (key: string): unknown => tags.find((each) => each['key'] === key)?.['value'];
      const startNano = nanoOfMicros(span['startTime']);
      const references = list(span['references']);
      const parent = references.find((each) => each['refType'] === 'CHILD_OF') ?? references[0];
      const isError = tag('error') === true || tag('error') === 'true' || tag('otel.status_code') === 'ERROR';
      return {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: String(process['serviceName'] ?? '') } },
            ...list(process['tags']).map(attribute),
          ],
        },
        scopeSpans: [
          {
            scope: { name: tag('otel.scope.name') ?? tag('otel.library.name') ?? '' },
            spans: [
              {
                traceId: padded(span['traceID'], 32),
                spanId: padded(span['spanID'], 16),
                parentSpanId: padded(parent?.['spanID'] ?? span['parentSpanID'], 16),
                name: String(span['operationName'] ?? ''),
                kind: kinds[String(tag('span.kind'))] ?? 0,
                startTimeUnixNano: String(startNano),
                endTimeUnixNano: String(startNano + nanoOfMicros(span['duration'])),
                attributes: tags.map(attribute),
                events: list(span['logs']).map(event),
                links: references
                  .filter((each) => each !== parent)
                  .map((each) => ({ traceId: padded(each['traceID'], 32), spanId: padded(each['spanID'], 16) })),
                status: { code: isError ? 2 : 0, message: String(tag('otel.status_description') ?? '') },
              },
            ],
          },
        ],
      };
    });
  });
}

const padded = (id: unknown, digits: number): string =>
  typeof id === 'string' && id !== '' ? id.padStart(digits, '0') : '';

function nanoOfMicros(value: unknown): bigint {
  const micros = Number(value);
  return Number.isFinite(micros) ? BigInt(Math.round(micros)) * 1000n : 0n;
}

function attribute({ key, value }: Json): unknown {
  const typed =
    typeof value === 'boolean'
      ? { boolValue: value }
      : typeof value === 'number'
        ? Number.isInteger(value)
          ? { intValue: String(value) }
          : { doubleValue: value }
        : { stringValue: String(value ?? '') };
  return { key: String(key ?? ''), value: typed };
}

function event(log: Json): unknown {
  const fields = list(log['fields']);
  const name = fields.find(({ key }) => key === 'event')?.['value'];
  return {
    timeUnixNano: String(nanoOfMicros(log['timestamp'])),
    name: String(name ?? 'log'),
    attributes: fields.filter(({ key }) => key !== 'event').map(attribute),
  };
}
