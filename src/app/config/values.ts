/** Kinds of values that several parts of the configuration have. */
import { z } from 'zod';
import { parseGoDuration, parsePromDuration } from '../../traceql/duration.ts';

/** A duration in milliseconds: Go's notation (`1m30s`), or Prometheus' for days and longer (`2w`). A bare 0 is allowed. */
export const durationMs = z.union([z.string(), z.literal(0)]).transform((value, context) => {
  if (value === 0) return 0;
  for (const parse of [parseGoDuration, parsePromDuration]) {
    try {
      const ms = parse(value) / 1e6;
      if (ms >= 0) return ms;
    } catch {
      // The other notation is tried; then both have failed.
    }
  }
  context.addIssue({ code: 'custom', message: `"${value}" is not a duration like 1m30s` });
  return z.NEVER;
});

export const port = z.number().int().min(0).max(65535);
export const count = z.number().int().min(0);

/** `host:port`, as the collector writes endpoints. */
export const endpoint = z.string().regex(/^[^:]*:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/, 'must be host:port');

/** An empty key in YAML (`grpc:`) is null and means "with defaults". */
export const orNull = <T extends z.ZodType>(schema: T) => z.preprocess((value) => value ?? {}, schema);
