/** Things that lie beside the project (`../shared`) and may be absent; tests that need them say so and are skipped. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const shared = path.resolve(import.meta.dirname, '../../../shared');

export const sharedPath = (name: string): string => path.join(shared, name);

/** The reason to skip, or false: `test(name, { skip: missing('tracegen/tracegen.mjs') }, …)`. */
export function missing(name: string): string | false {
  return existsSync(sharedPath(name)) ? false : `SKIPPED: there is no ${path.join('..', 'shared', name)}`;
}

export interface Batch {
  readonly bytes: Uint8Array;
  readonly spans: number;
}

interface Tracegen {
  batches(options: { seed: number; traces: number; baseNs: bigint; spreadSeconds: number }): Iterable<Batch>;
}

/** The generator's requests: the traces of a shop, scattered over batches as a collector sends them. */
export async function generatedBatches(options: {
  seed: number;
  traces: number;
  baseMs: number;
}): Promise<Iterable<Batch>> {
  const tracegen = (await import(pathToFileURL(sharedPath('tracegen/tracegen.mjs')).href)) as Tracegen;
  const { seed, traces, baseMs } = options;
  return tracegen.batches({ seed, traces, baseNs: BigInt(baseMs) * 1_000_000n, spreadSeconds: 60 });
}
