/** What several roles of one process say of themselves, as one. */
import type { MetricsStatus } from './metrics-role.ts';

export function mergeStatus(parts: readonly MetricsStatus[]): MetricsStatus {
  const sum = (read: (part: MetricsStatus) => number): number => parts.reduce((total, part) => total + read(part), 0);
  const seen = new Set<string>();
  return {
    // Counters of a tenant in several parts are added up where they are shown; a processor is active once.
    tenants: parts.flatMap(({ tenants }) =>
      tenants.map((each) => {
        const isFirst = !seen.has(each.tenant);
        seen.add(each.tenant);
        return isFirst ? each : { ...each, processors: [] };
      }),
    ),
    collections: sum(({ collections }) => collections),
    failedCollections: sum(({ failedCollections }) => failedCollections),
    failedUpdates: sum(({ failedUpdates }) => failedUpdates),
    skippedRows: sum(({ skippedRows }) => skippedRows),
    remoteWrite: parts.flatMap(({ remoteWrite }) => remoteWrite),
  };
}
