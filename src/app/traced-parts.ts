/** Stages of a query, and what it asks of the store, as spans of its request. */
import type { TraceLookup } from '../api/ports.ts';
import type { ListedObject, ObjectStore } from '../objectstore/object-store.ts';
import type { LiveSource } from '../roles/read/reader.ts';
import type { TraceStorage } from '../traceql/storage.ts';
import { traced } from './current-span.ts';

export function tracedStore(inner: ObjectStore): ObjectStore {
  const request = <T>(operation: string, key: string, work: () => Promise<T>): Promise<T> =>
    traced(`store ${operation}`, { 'rubato.store.key': key }, work, 'client');
  return {
    put: (key, body, options) => request('put', key, () => inner.put(key, body, options)),
    get: (key, signal) => request('get', key, () => inner.get(key, signal)),
    getRange: (key, offset, length, signal) =>
      request('getRange', key, () => inner.getRange(key, offset, length, signal)),
    getTail: (key, length, signal) => request('getTail', key, () => inner.getTail(key, length, signal)),
    delete: (key, signal) => request('delete', key, () => inner.delete(key, signal)),
    async *list(prefix, options, signal): AsyncGenerator<ListedObject> {
      const results = inner.list(prefix, options, signal)[Symbol.asyncIterator]();
      try {
        // The first page: what the caller does with results is none of the store's time.
        let next = await request('list', prefix, () => results.next());
        for (; next.done !== true; next = await results.next()) yield next.value;
      } finally {
        await results.return?.();
      }
    },
  };
}

/** @param inner what queries and lookups of traces read from */
export function tracedReader(inner: TraceStorage & TraceLookup): TraceStorage & TraceLookup {
  return {
    snapshot: (request, cost, signal) =>
      traced('snapshot', { 'rubato.tenant': request.tenant }, () => inner.snapshot(request, cost, signal)),
    trace: (request, cost, signal) =>
      traced('find trace', { 'rubato.tenant': request.tenant }, () => inner.trace(request, cost, signal)),
  };
}

export function tracedLive(inner: LiveSource): LiveSource {
  return {
    live: (tenant) => traced('live tables', { 'rubato.tenant': tenant }, () => inner.live(tenant)),
    see: (manifest) => inner.see?.(manifest),
  };
}
