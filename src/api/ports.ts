/**
 * What the routes need from the rest of the program. Modules satisfy these shapes without importing this file; `src/app`
 * joins them. Units stand last in names.
 */
import type { Authentication } from '../auth/principal.ts';
import type { Clock } from '../base/clock.ts';
import type { MetricsRequest, QueryEngine, SearchRequest, TimeRange } from '../traceql/result.ts';
import type { Fragment, ReadCost } from '../traceql/storage.ts';
import type { UiSettings } from './contract/index.ts';
import type { UiFiles } from './http/ui.ts';

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
  /** @param accept the Accept header: OpenMetrics for those who ask for it */
  metrics(accept: string | undefined): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** Limits that a tenant set itself, as JSON, and their version. */
export interface VersionedLimits {
  readonly limits: Readonly<Record<string, unknown>>;
  readonly version: string;
}

/** What `/api/overrides` does. Throws kind `notFound`, kind `invalid`, or `version_mismatch` when a version is not the newest. */
export interface UserOverridesApi {
  /** `api`: what the tenant set; `merged`: what is in force of the fields that it may set. */
  get(tenant: string, scope: 'api' | 'merged'): Promise<VersionedLimits>;
  /** Replaces everything; `expected` is the version it replaces, `0` for none. Returns the new version. */
  set(
    tenant: string,
    limits: unknown,
    expected: string,
    options: { readonly skipConflictCheck: boolean },
  ): Promise<string>;
  /** RFC 7396 merge patch of whatever is there. */
  patch(tenant: string, patch: unknown, options: { readonly skipConflictCheck: boolean }): Promise<VersionedLimits>;
  delete(tenant: string, expected: string): Promise<void>;
}

/** What `/status/overrides` shows. */
export interface OverridesStatus {
  tenants(): readonly { readonly name: string; readonly hasRuntime: boolean; readonly hasUser: boolean }[];
  /** Undefined for a tenant without limits of its own. */
  tenant(name: string): { readonly runtime: unknown; readonly user: unknown; readonly inForce: unknown } | undefined;
}

/** How a query would be, or was, executed: any JSON. */
export type Explain = (request: SearchRequest | MetricsRequest, signal: AbortSignal) => Promise<unknown>;

export interface AnsweredRequest {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
}

/** What an admin did, or somebody who would be one. */
export interface AuditEntry {
  /** Method and route. */
  readonly act: string;
  /** Undefined: nobody knows who. */
  readonly principal: string | undefined;
  readonly address: string | undefined;
  /** As it was asked for: undefined when the request names none. */
  readonly tenant: string | undefined;
  readonly status: number;
  /** What was done, or why not. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface RedactionCounts {
  readonly blocksSearched: number;
  readonly blocksRewritten: number;
  readonly blocksRemoved: number;
  /** Traces that were found. */
  readonly traces: number;
  readonly spansRemoved: number;
}

/** Takes traces out of everything that is stored. Ids are 16 bytes. */
export type RedactTraces = (request: {
  readonly tenant: string;
  readonly traceIds: readonly Uint8Array[];
}) => Promise<RedactionCounts>;

export interface ApiPorts {
  readonly engine: QueryEngine;
  readonly traces: TraceLookup;
  readonly status: StatusSource;
  /** `tenant` is one id, or several joined by `|`. */
  limits(tenant: string): QueryLimits;
  readonly clock: Clock;
  readonly explain?: Explain;
  /** Without it `/api/overrides` is not served. */
  readonly userOverrides?: UserOverridesApi | undefined;
  /** Without it `/status/overrides` is not served. */
  readonly overridesStatus?: OverridesStatus | undefined;
  /** Without it `/api/redact` is not served. */
  readonly redact?: RedactTraces | undefined;
  /** Prometheus text of what tenants sent, by their own attributes. Without it `/usage_metrics` is not served. */
  readonly usageMetrics?: (() => Promise<string>) | undefined;
  /** Files of the web UI. Without it none is served. */
  readonly ui?: UiFiles | undefined;
  readonly uiSettings?: UiSettings | undefined;
  /** A tenant's generated metrics, in the format that `accept` asks for. Without it `/metrics/spans` is not served. */
  readonly generatedMetrics?:
    | ((tenant: string, accept: string | undefined) => Promise<{ readonly contentType: string; readonly body: string }>)
    | undefined;
  /** Who asks. Default: nobody is asked. */
  readonly authentication?: Authentication | undefined;
  /** Everything that was asked of an admin's route, refused or done. */
  onAudit?(entry: AuditEntry): void;
  /** Metrics of the process without credentials. */
  readonly publicMetrics?: boolean;
  /** A request that failed by our fault; its client sees status 500. */
  onError(error: unknown, request: { readonly method: string; readonly url: string }): void;
  /** Every answered request; `route` is the pattern, not the path. */
  onRequest?(request: AnsweredRequest): void;
  /** Every call of a tool of the MCP server. */
  onMcpCall?(tool: string): void;
}
