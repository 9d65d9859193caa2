/**
 * Fields of parsed JSON with the types that Zipkin's API gives them. A missing or null field has its default; another
 * type is refused, naming the place as `[2].annotations[0].timestamp`.
 */
import { invalid, type RubatoError } from '../../base/errors.ts';
import { checkEntries } from '../entry-limit.ts';
import { normalIp } from './ip-address.ts';
import type { ZipkinEndpoint } from './zipkin-span.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The spans of a request body: a list of objects, nulls left out. @throws RubatoError `invalid_json` */
export function* parseSpans(body: Uint8Array): Generator<{ span: JsonObject; path: string }> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    throw invalid('invalid_json', `not JSON: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (parsed === null) return;
  if (!Array.isArray(parsed)) throw invalid('invalid_json', `expected a list of spans, found ${kindOf(parsed)}`);
  for (let i = 0; i < parsed.length; i++) {
    const path = `[${i}]`;
    const span = asObject(parsed[i], path);
    if (span !== undefined) yield { span, path };
  }
}

/** Undefined for null and missing. */
export function asObject(value: unknown, path: string): JsonObject | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) throw expected(path, 'an object', value);
  return value as JsonObject;
}

export function objectAt(object: JsonObject, key: string, path: string): JsonObject | undefined {
  return asObject(object[key], `${path}.${key}`);
}

export function listAt(object: JsonObject, key: string, path: string): readonly unknown[] {
  const value = object[key];
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw expected(`${path}.${key}`, 'a list', value);
  checkEntries(value.length, key);
  return value;
}

export function textAt(object: JsonObject, key: string, path: string): string {
  const value = object[key];
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') throw expected(`${path}.${key}`, 'text', value);
  return value;
}

/** A whole number from 0; 0 when it is missing. */
export function countAt(object: JsonObject, key: string, path: string): number {
  const value = object[key];
  if (value === null || value === undefined) return 0;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw expected(`${path}.${key}`, 'a whole number', value);
  return value;
}

/** 32 hex digits; shorter ids are padded. */
export function traceIdAt(object: JsonObject, path: string): string {
  return hexAt(object, 'traceId', path, 32) ?? missing(`${path}.traceId`);
}

/** 16 hex digits; shorter ids are padded. */
export function spanIdAt(object: JsonObject, path: string): string {
  return hexAt(object, 'id', path, 16) ?? missing(`${path}.id`);
}

/** 16 hex digits, or empty. */
export function parentIdAt(object: JsonObject, path: string): string {
  return hexAt(object, 'parentId', path, 16) ?? '';
}

function hexAt(object: JsonObject, key: string, path: string, digits: number): string | undefined {
  const text = textAt(object, key, path);
  if (text === '') return undefined;
  if (text.length > digits || !/^[0-9a-fA-F]+$/.test(text))
    throw invalid('invalid_id', `${path}.${key}: expected up to ${digits} hex digits`);
  return text.toLowerCase().padStart(digits, '0');
}

export function endpointAt(object: JsonObject, key: string, path: string): ZipkinEndpoint | undefined {
  const endpoint = objectAt(object, key, path);
  if (endpoint === undefined) return undefined;
  const at = `${path}.${key}`;
  const port = countAt(endpoint, 'port', at);
  if (port > 65535) throw expected(`${at}.port`, 'a port', port);
  return {
    serviceName: textAt(endpoint, 'serviceName', at),
    ipv4: ipAt(endpoint, 'ipv4', at),
    ipv6: ipAt(endpoint, 'ipv6', at),
    port,
  };
}

function ipAt(object: JsonObject, key: string, path: string): string {
  const text = textAt(object, key, path);
  if (text === '') return '';
  const ip = normalIp(text);
  if (ip === undefined) throw expected(`${path}.${key}`, 'an IP address', text);
  return ip;
}

export function expected(path: string, what: string, found: unknown): RubatoError {
  return invalid('invalid_json', `${path}: expected ${what}, found ${kindOf(found)}`);
}

function missing(path: string): never {
  throw invalid('invalid_id', `${path} is missing`);
}

/** Short enough to show to a client, whatever it sent. */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
