/**
 * What the backend role is told by the configuration. Tempo has these keys in three places, by its version and by the part
 * that reads them: `backend_worker.compaction`, `backend_scheduler.provider.compaction.compaction`, and before 3.0
 * `compactor.compaction`. Here one role does it all, so the first of these that has a key counts.
 */
import type { TenantSettings } from '../roles/backend/backend.ts';
import type { OverridesBlock } from './config/overrides-schema.ts';
import type { CompactionKeys, Config } from './config/schema.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/**
 * What a compacted block may hold. The finished bytes are in memory until they are put, and a place of every trace of the
 * inputs: 100 bytes. A file that says more (Tempo's own default is 100 GiB) does not make the process larger.
 */
const blockMax = { spans: 2 * 1024 * 1024, traces: 512 * 1024, bytes: 64 * 1024 * 1024 };
/** Spans of inputs that are decoded at once, 150 bytes each with all their columns. */
const overlapSpansMax = 4 * 131_072;

export interface BackendSettings {
  readonly maintenanceIntervalMs: number;
  readonly tenantMsMax: number;
  readonly removedGraceMs: number;
  readonly orphanGraceMs: number;
}

/** What holds for tenants beside the role's own keys. */
export type CompactionOverrides = ByTenant<OverridesBlock['compaction']>;

/** The overrides of a configuration whose tenants have none of their own. */
export function defaultOverrides(config: Config): CompactionOverrides {
  return { tenants: new Map(), others: config.overrides.defaults.compaction };
}

export function backendSettings(config: Config): BackendSettings {
  const keys = compactionKeys(config);
  return {
    maintenanceIntervalMs: config.backend_scheduler.maintenance_interval,
    tenantMsMax: keys.max_time_per_tenant ?? 5 * minuteMs,
    removedGraceMs: keys.compacted_block_retention ?? hourMs,
    orphanGraceMs: 24 * hourMs,
  };
}

/** In an override 0, like a key that is not there, means what the role's own key says. */
export function tenantSettings(
  config: Config,
  { tenants, others }: CompactionOverrides,
  tenant: string,
): TenantSettings {
  const keys = compactionKeys(config);
  const { min_input_blocks, min_input_blocks_open_window, max_input_blocks } =
    config.backend_scheduler.provider.compaction;
  const override = (tenants.has(tenant) ? tenants.get(tenant) : others) ?? {};
  return {
    isDisabled: config.compactor.disabled || (override.compaction_disabled ?? false),
    retention: {
      retentionMs: override.block_retention || (keys.block_retention ?? 336 * hourMs),
      retentionBytes: keys.retention_bytes ?? 0,
    },
    compaction: {
      windowMs: override.compaction_window || keys.compaction_window || hourMs,
      settleMs: keys.settle_duration ?? 5 * minuteMs,
      inputsMin: Math.max(2, min_input_blocks),
      openInputsMin: Math.max(2, min_input_blocks_open_window),
      inputsMax: Math.max(2, max_input_blocks),
      spansMax: Math.min(keys.max_block_spans || blockMax.spans, blockMax.spans),
      tracesMax: Math.min(keys.max_compaction_objects || blockMax.traces, blockMax.traces),
      bytesMax: Math.min(keys.max_block_bytes || blockMax.bytes, blockMax.bytes),
      overlapSpansMax,
    },
  };
}

function compactionKeys({ backend_scheduler, backend_worker, compactor }: Config): CompactionKeys {
  return {
    ...compactor.compaction,
    ...backend_scheduler.provider.compaction.compaction,
    ...backend_worker.compaction,
  };
}
