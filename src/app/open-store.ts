/**
 * The object store that a configuration names, in its wrappings. From the inside out:
 *
 *   the store → metered (every request that goes out) → hedging (slow reads are asked twice) → retrying (what may pass)
 *             → limiting (no more than so many callers at once)
 *
 * Each thread has one of its own; all count into one {@link StoreMeter}. A local folder has none of that but the meter:
 * a disk that fails does not get better by asking again.
 */
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { checkStore, type StoreAdvice } from '../objectstore/check-store.ts';
import { HedgingObjectStore } from '../objectstore/hedging.ts';
import { LimitingObjectStore } from '../objectstore/limiting.ts';
import { LocalObjectStore } from '../objectstore/local.ts';
import { MeteredObjectStore } from '../objectstore/metered.ts';
import type { ObjectStore } from '../objectstore/object-store.ts';
import { RetryingObjectStore } from '../objectstore/retrying.ts';
import { StoreMeter } from '../objectstore/store-meter.ts';
import type { Config } from './config/schema.ts';
import type { TraceStorage } from './config/storage-schema.ts';
import { azureAdvice, azureOptions, gcsAdvice, gcsOptions, s3Advice, s3Options } from './store-options.ts';

/** A try may take so long: the time for the largest object on a slow line. */
const tryTimeoutMs = 60_000;
/** While starting, a store that does not answer is given up sooner: whoever started the process should know. */
const startTriesMax = 3;

const meterName = 'rubato:store-meter';

/** The process's meter: made by its first thread, inherited by the others. */
export const storeMeter = new StoreMeter((getEnvironmentData(meterName) as SharedArrayBuffer | null) ?? undefined);
setEnvironmentData(meterName, storeMeter.memory);

/** The main thread also makes sure that the store can be used. @throws RubatoError config */
export async function openStore(config: Config): Promise<ObjectStore> {
  const { trace } = config.storage;
  if (trace.backend === 'local') {
    const store = await LocalObjectStore.open({ root: trace.local.path, clock: systemClock, rng: systemRng });
    return new MeteredObjectStore(store, storeMeter);
  }
  const { store, advice } = await openBucket(trace);
  const metered = new MeteredObjectStore(store, storeMeter);
  if (isMainThread) {
    const options = { clock: systemClock, rng: systemRng, triesMax: startTriesMax, tryTimeoutMs };
    await checkStore(new RetryingObjectStore(metered, options), systemRng, advice);
  }
  const { hedge_requests_at: afterMs, hedge_requests_up_to: requestsMax } = trace[trace.backend];
  const hedged =
    afterMs === 0
      ? metered
      : new HedgingObjectStore(metered, {
          clock: systemClock,
          afterMs,
          requestsMax,
          onHedge: () => storeMeter.hedged(),
        });
  const retrying = new RetryingObjectStore(hedged, { clock: systemClock, rng: systemRng, tryTimeoutMs });
  return new LimitingObjectStore(retrying, trace.max_requests_in_flight);
}

/** SDKs are large and loaded only when they are needed. */
export async function openBucket(trace: TraceStorage): Promise<{ store: ObjectStore; advice: StoreAdvice }> {
  switch (trace.backend) {
    case 's3': {
      const options = s3Options(trace.s3);
      const { S3ObjectStore } = await import('../objectstore/s3.ts');
      return { store: new S3ObjectStore(options), advice: s3Advice(trace.s3) };
    }
    case 'gcs': {
      const options = gcsOptions(trace.gcs);
      const { GcsObjectStore } = await import('../objectstore/gcs.ts');
      return { store: new GcsObjectStore(options), advice: gcsAdvice(trace.gcs) };
    }
    case 'azure': {
      const options = azureOptions(trace.azure);
      const { AzureObjectStore } = await import('../objectstore/azure.ts');
      return { store: new AzureObjectStore(options), advice: azureAdvice(trace.azure) };
    }
    case 'local':
      throw new Error('a local folder is no bucket');
  }
}

export const isRemote = (config: Config): boolean => config.storage.trace.backend !== 'local';
