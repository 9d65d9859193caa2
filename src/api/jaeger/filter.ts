/**
 * What Jaeger's searches ask for, as TraceQL: one span must satisfy all of it. Tags are compared as text, so a value that
 * reads as a number or a truth value stands for those too. Some tags are not attributes in OTLP but fields:
 * https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/
 */
import { KindNames, StatusNames } from '../../traceql/ast.ts';
import { quoteName, quoteString } from '../../traceql/strings.ts';

export interface TraceFilter {
  /** Empty: any. */
  readonly service: string;
  readonly operation: string;
  readonly tags: readonly (readonly [key: string, value: string])[];
  /** Of the span; 0 = no bound. */
  readonly minDurationNano: number;
  readonly maxDurationNano: number;
}

export function traceQlOf(filter: TraceFilter): string {
  const { service, operation, tags, minDurationNano, maxDurationNano } = filter;
  const conditions = tags.map(([key, value]) => tagCondition(key, value));
  if (service !== '') conditions.unshift(serviceCondition(service));
  if (operation !== '') conditions.push(`name = ${quoteString(operation)}`);
  if (minDurationNano > 0) conditions.push(`duration >= ${minDurationNano}ns`);
  if (maxDurationNano > 0) conditions.push(`duration <= ${maxDurationNano}ns`);
  return `{ ${conditions.join(' && ')} }`;
}

export function serviceCondition(service: string): string {
  return `resource.service.name = ${quoteString(service)}`;
}

function tagCondition(key: string, value: string): string {
  const field = fieldCondition(key, value);
  if (field !== undefined) return field;
  const name = quoteName(key);
  const either = literalsOf(value).flatMap((literal) => [`span.${name} = ${literal}`, `resource.${name} = ${literal}`]);
  if (key === 'error' && value === 'true') either.push('status = error');
  return `(${either.join(' || ')})`;
}

function fieldCondition(key: string, value: string): string | undefined {
  switch (key) {
    case 'error':
      return value === 'false' ? 'status != error' : undefined;
    case 'span.kind':
      return KindNames.some((kind) => kind === value) ? `kind = ${value}` : undefined;
    case 'otel.status_code': {
      const status = value.toLowerCase();
      return StatusNames.some((name) => name === status) ? `status = ${status}` : undefined;
    }
    case 'otel.status_description':
      return `statusMessage = ${quoteString(value)}`;
    case 'otel.scope.name':
    case 'otel.library.name':
      return `instrumentation:name = ${quoteString(value)}`;
    case 'otel.scope.version':
    case 'otel.library.version':
      return `instrumentation:version = ${quoteString(value)}`;
    default:
      return undefined;
  }
}

/** Longest run of digits that is read as a number: any int64. */
const digitsMax = 18;

function literalsOf(value: string): string[] {
  const literals = [quoteString(value)];
  const number = /^-?(\d+)(\.\d+)?$/.exec(value);
  if ((number !== null && number[1]!.length <= digitsMax) || value === 'true' || value === 'false')
    literals.push(value);
  return literals;
}
