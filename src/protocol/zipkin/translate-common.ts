/** What the translations of Zipkin v1 and v2 share. */
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import { clampUnixNano } from '../otlp/unix-nano.ts';
import type { ZipkinEndpoint } from './zipkin-span.ts';

/** The last value of a key stands, at the place of the first. */
export type Attributes = Map<string, AnyValue>;

export const SpanKind = { unspecified: 0, internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
export const StatusCode = { unset: 0, ok: 1, error: 2 } as const;

/** Marks a span that came without a start; the collector's attribute. */
const startTimeAbsent = 'otel.zipkin.absentField.startTime';
const zeroId = '0'.repeat(16);

export interface Times {
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
}

/**
 * From the timestamp, else from the first to the last annotation. A span without either starts now and is marked. (The
 * collector lets such spans of v2 start in 1970, where no search finds them.)
 */
export function spanTimes(
  span: {
    readonly timestampMicros: bigint;
    readonly durationMicros: bigint;
    readonly annotations: readonly { readonly timestampMicros: bigint }[];
  },
  attributes: Attributes,
  nowUnixNano: bigint,
): Times {
  if (span.timestampMicros > 0n) return lasting(unixNano(span.timestampMicros), span.durationMicros);
  let first = 0n;
  let last = 0n;
  for (const { timestampMicros } of span.annotations) {
    if (timestampMicros <= 0n) continue;
    if (first === 0n || timestampMicros < first) first = timestampMicros;
    if (timestampMicros > last) last = timestampMicros;
  }
  if (first === 0n) {
    attributes.set(startTimeAbsent, { type: 'bool', value: true });
    return lasting(nowUnixNano, span.durationMicros);
  }
  if (span.durationMicros > 0n) return lasting(unixNano(first), span.durationMicros);
  return { startTimeUnixNano: unixNano(first), endTimeUnixNano: unixNano(last) };
}

function lasting(startTimeUnixNano: bigint, durationMicros: bigint): Times {
  return { startTimeUnixNano, endTimeUnixNano: clampUnixNano(startTimeUnixNano + durationMicros * 1000n) };
}

export function unixNano(micros: bigint): bigint {
  return clampUnixNano(micros * 1000n);
}

/** A span that names itself is a root, as is one whose parent is 0. */
export function parentOf(span: { readonly id: string; readonly parentId: string }): string {
  return span.parentId === span.id || span.parentId === zeroId ? '' : span.parentId;
}

export function setRemote(attributes: Attributes, remote: ZipkinEndpoint): void {
  if (remote.serviceName !== '') setText(attributes, 'peer.service', remote.serviceName);
  const ip = remote.ipv6 || remote.ipv4;
  if (ip !== '') setText(attributes, 'net.peer.ip', ip);
  if (remote.port !== 0) attributes.set('net.peer.port', { type: 'int', value: BigInt(remote.port) });
}

export function setText(attributes: Attributes, key: string, value: string): void {
  attributes.set(key, { type: 'string', value });
}

export function keyValues(attributes: Attributes): KeyValue[] {
  return Array.from(attributes, ([key, value]) => ({ key, value }));
}
