/**
 * What the routes need from the rest of the program. Modules satisfy these shapes without importing this file; `src/app`
 * joins them. Units stand last in names.
 */
import type { Clock } from '../base/clock.ts';
import type { MetricsRequest, QueryEngine, SearchRequest, TimeRange } from '../traceql/result.ts';
import type { Fragment, ReadCost } from '../traceql/storage.ts';

/** A whole trace, or the part of it that one tenant has: trace number `trace` of the fragment. */
export interface TracePart {
  readonly fragment: Fragment;
  readonly trace: number;
}

export interface TraceRequest {
  readonly tenant: string;
  /** 16 bytes. */
  readonly traceId: Uint8Array;
  /** Where to look; both 0n: everywhere. */
  readonly range: TimeRange;
}

export interface TraceLookup {
  /** Empty when nobody has the trace. The fragments' `traces` tables are loaded. */
  trace(request: TraceRequest, cost: ReadCost, signal: AbortSignal): Promise<readonly TracePart[]>;
}

/** What one query may ask for; differs by tenant. 0 means no limit where a limit is meant. */
export interface QueryLimits {
  /** Traces in a search result when the request names no limit. */
  readonly searchResultsDefault: number;
  readonly searchResultsMax: number;
  readonly spansPerSpanSetDefault: number;
  readonly spansPerSpanSetMax: number;
  /** Longest time range of a search, of tag names and of tag values. */
  readonly searchDurationMaxMs: number;
  readonly metricsDurationMaxMs: number;
  readonly exemplarsMax: number;
  /** Intervals (range / step) in a metrics answer. */
  readonly intervalsMax: number;
  readonly seriesMax: number;
  /** UTF-8 bytes of a TraceQL text. */
  readonly queryBytesMax: number;
  /** Bytes of names or values in one tag answer; beyond it the answer is cut. */
  readonly tagBytesMax: number;
  /** Protobuf bytes of a trace that trace-by-id gives out whole. */
  readonly traceBytesMax: number;
  /** Writes trace ids in search results with their leading zeros. */
  readonly leftPadTraceIds: boolean;
}

/** Tempo's defaults. */
export const defaultQueryLimits: QueryLimits = {
  searchResultsDefault: 20,
  searchResultsMax: 262_144,
  spansPerSpanSetDefault: 3,
  spansPerSpanSetMax: 100,
  searchDurationMaxMs: 168 * 3_600_000,
  metricsDurationMaxMs: 24 * 3_600_000,
  exemplarsMax: 100,
  intervalsMax: 10_000,
  seriesMax: 0,
  queryBytesMax: 131_072,
  tagBytesMax: 1_000_000,
  traceBytesMax: 5_000_000,
  leftPadTraceIds: false,
};

export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
  readonly branch: string;
  readonly buildUser: string;
  readonly buildDate: string;
  /** The runtime, for example `node v24.0.0`. Served under the name that Tempo's clients know: `goVersion`. */
  readonly runtimeVersion: string;
  /** For example `linux/x64`. */
  readonly platform: string;
}

export interface ServiceState {
  readonly name: string;
  readonly state: 'New' | 'Starting' | 'Running' | 'Stopping' | 'Terminated' | 'Failed';
  /** Why it failed; empty otherwise. */
  readonly failure: string;
}

export interface ConfigText {
  /** YAML of the configuration in use, of its defaults, and of what differs from them. Secrets are blotted out. */
  readonly current: string;
  readonly defaults: string;
  readonly diff: string;
}

export interface StatusSource {
  /** `reason` is shown when not ready. */
  readiness(): { readonly ready: boolean; readonly reason: string };
  buildInfo(): BuildInfo;
  services(): readonly ServiceState[];
  config(): ConfigText;
  /** Limits per tenant that were loaded while running. */
  runtimeConfig(): { readonly current: string; readonly diff: string };
  /** Prometheus text. */
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** How a query would be, or was, executed: any JSON. */
export type Explain = (request: SearchRequest | MetricsRequest, signal: AbortSignal) => Promise<unknown>;

export interface AnsweredRequest {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
}

export interface ApiPorts {
  readonly engine: QueryEngine;
  readonly traces: TraceLookup;
  readonly status: StatusSource;
  /** `tenant` is one id, or several joined by `|`. */
  limits(tenant: string): QueryLimits;
  readonly clock: Clock;
  readonly explain?: Explain;
  /** A request that failed by our fault; its client sees status 500. */
  onError(error: unknown, request: { readonly method: string; readonly url: string }): void;
  /** Every answered request; `route` is the pattern, not the path. */
  onRequest?(request: AnsweredRequest): void;
}
