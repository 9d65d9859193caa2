/**
 * What durability costs on a local disk, in a folder of the system's temporary one: half of the times are below `p50`; CPU
 * is that of all threads of the process.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Bench, type Figure, runIfMain } from '../../bench/measure.ts';
import { systemClock } from '../base/clock.ts';
import { SeededRng, systemRng } from '../base/random.ts';
import { LocalObjectStore } from '../objectstore/local.ts';
import { decodeSegment, encodeSegment, entryBytes, type SegmentEntry } from './segment-codec.ts';
import { newWriterId } from './segment-keys.ts';
import { SegmentWriter } from './segment-writer.ts';

/** Requests of about 175 kB, compressible about as OTLP of traces is (6 : 1). */
function requestBody(rng: SeededRng, spans: number): Uint8Array {
  const parts: string[] = [];
  for (let span = 0; span < spans; span++) {
    const service = rng.uint32() % 20;
    const id = () => rng.uint32().toString(16).padStart(8, '0');
    parts.push(`${id()}${id()}${id()}GET /api/v1/items/${rng.uint32() % 500}`);
    parts.push(`service.name=shop-${service} k8s.pod.name=shop-${service}-7d9f http.request.method=GET `);
    parts.push('http.route=/api/v1/items/{id} url.scheme=https server.address=shop.example server.port=8080 ');
    parts.push(
      `http.response.status_code=200 thread.id=${rng.uint32() % 64} net.protocol.version=1.1`.padEnd(140, ' '),
    );
  }
  return Buffer.from(parts.join(''));
}

export const bench: Bench = async (size) => {
  const rounds = size === 'quick' ? 3 : 100;
  const root = mkdtempSync(path.join(tmpdir(), 'rubato-wal-bench-'));
  const store = await LocalObjectStore.open({ root, clock: systemClock, rng: systemRng });
  const figures: Figure[] = [];
  const measure = async (name: string, run: (round: number) => Promise<unknown>): Promise<void> => {
    const tookMs: number[] = [];
    const cpuBefore = process.cpuUsage();
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      await run(round);
      tookMs.push(performance.now() - start);
    }
    const cpu = process.cpuUsage(cpuBefore);
    tookMs.sort((a, b) => a - b);
    figures.push({ name: `${name}, p50`, value: tookMs[rounds >> 1]!, unit: 'ms' });
    figures.push({ name: `${name}, CPU`, value: (cpu.user + cpu.system) / 1000 / rounds, unit: 'ms' });
  };
  try {
    const rng = new SeededRng(1);
    const entries = Array.from(
      { length: 7 },
      (): SegmentEntry => ({ tenant: 'single-tenant', encoding: 1, flags: 0, body: requestBody(rng, 500) }),
    );
    const segmentBytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    const identity = { writer: 'bench', seq: 1, createdUnixMs: 0 };
    const encoded = Buffer.concat(await encodeSegment(identity, entries, segmentBytes));
    const stored = Buffer.alloc(200_000, encoded);
    await measure('put 200 kB: write, sync, rename, folder sync', (round) => store.put(`bench/${round}`, stored));
    await measure('put 200 kB if absent', (round) => store.put(`bench/absent-${round}`, stored, { ifAbsent: true }));
    await measure('get 200 kB', async (round) => assert.equal((await store.get(`bench/${round}`)).length, 200_000));
    await measure('get a range of 16 kB', (round) => store.getRange(`bench/${round}`, 50_000, 16_384));
    await measure('encode a segment of 1.2 MB', () => encodeSegment(identity, entries, segmentBytes));
    await measure('decode a segment of 1.2 MB', async () => {
      const { entries: decoded } = await decodeSegment('bench', encoded);
      assert.deepEqual(decoded[6]!.body, entries[6]!.body);
    });

    const writer = newWriterId(systemRng);
    const limits = { lingerMs: 0, segmentBytesMax: 8 << 20, inFlightMax: 4, pendingBytesMax: 64 << 20 };
    const segments = new SegmentWriter({ store, writer, clock: systemClock, ...limits });
    await measure('append 1.2 MB until it is durable', () =>
      Promise.all(entries.map((entry) => segments.append(entry).durable)),
    );
    await measure('append 1 kB until it is durable', () => {
      const body = entries[0]!.body.subarray(0, 1000);
      return segments.append({ tenant: 'single-tenant', encoding: 1, flags: 0, body }).durable;
    });
    await segments.close();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return { figures };
};

await runIfMain(import.meta, bench);
