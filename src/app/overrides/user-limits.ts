/** The limits that a tenant sets itself: which fields there are, what they may be, and merge patches of them. */
import { z } from 'zod';
import { invalid } from '../../base/errors.ts';
import { costDimensions, generatorShape, type OverridesBlock } from '../config/overrides-schema.ts';
import { durationMs } from '../config/values.ts';
import { isMapping } from '../config/yaml-file.ts';

/** Limits in the JSON that the API speaks; durations are text. */
export type UserLimits = Readonly<Record<string, unknown>>;

const processors = [
  'service-graphs',
  'span-metrics',
  'span-metrics-count',
  'span-metrics-latency',
  'span-metrics-size',
  'host-info',
] as const;

const between = (fromMs: number, toMs: number, text: string) =>
  durationMs.refine((ms) => ms >= fromMs && ms <= toMs, { error: `must be between ${text}` }).optional();

const schema = z.strictObject({
  forwarders: z.array(z.string()).optional(),
  cost_attribution: z.strictObject({ dimensions: costDimensions.optional() }).optional(),
  metrics_generator: z
    .strictObject({
      ...generatorShape,
      processors: z.array(z.enum(processors)).optional(),
      collection_interval: between(15_000, 5 * 60_000, '15s and 5m'),
      ingestion_time_range_slack: between(0, 12 * 3_600_000, '0s and 12h'),
    })
    .optional(),
});

/** What the limits mean. @throws RubatoError invalid, naming every field that is unknown or out of range */
export function parseUserLimits(limits: unknown): OverridesBlock {
  const parsed = schema.safeParse(limits);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.flatMap((issue) => {
    const path = issue.path.join('.');
    if (issue.code !== 'unrecognized_keys') return [path === '' ? issue.message : `${path}: ${issue.message}`];
    return issue.keys.map((key) => `unknown field ${[...issue.path, key].join('.')}`);
  });
  throw invalid('bad_overrides', mistakes.join('; '), parsed.error);
}

/** The fields of a block that tenants may set. */
export function userFieldsOf(block: OverridesBlock): OverridesBlock {
  const { forwarders, cost_attribution: cost, metrics_generator: generator } = block;
  const known = Object.entries(generator ?? {}).filter(([key]) => Object.hasOwn(generatorShape, key));
  return {
    ...(forwarders && { forwarders }),
    ...(cost?.dimensions && { cost_attribution: { dimensions: cost.dimensions } }),
    ...(known.length > 0 && { metrics_generator: Object.fromEntries(known) }),
  };
}

/** RFC 7396: null takes away, mappings are merged, anything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMapping(patch)) return patch;
  const result = new Map(isMapping(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, mergePatch(result.get(key), value));
  }
  return Object.fromEntries(result);
}

/** Fields that both have, as dotted paths. */
export function commonFields(a: unknown, b: unknown, path = ''): string[] {
  if (!isMapping(a) || !isMapping(b)) return [path];
  return Object.keys(a).flatMap((key) =>
    a[key] === undefined || b[key] === undefined
      ? []
      : commonFields(a[key], b[key], path === '' ? key : `${path}.${key}`),
  );
}
