/** The object store that a configuration names. */
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { LocalObjectStore } from '../objectstore/local.ts';
import type { ObjectStore } from '../objectstore/object-store.ts';
import type { Config } from './config/schema.ts';

export async function openStore(config: Config): Promise<ObjectStore> {
  return LocalObjectStore.open({ root: config.storage.trace.local.path, clock: systemClock, rng: systemRng });
}
