/**
 * What durability costs on a local disk: `node src/wal/wal.bench.ts [folder]`. Prints minimum, median and 95th percentile
 * of each, in ms, and the processor time it took.
 */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../base/clock.ts';
import { SeededRng, systemRng } from '../base/random.ts';
import { LocalObjectStore } from '../objectstore/local.ts';
import { decodeSegment, encodeSegment, entryBytes, type SegmentEntry } from './segment-codec.ts';
import { newWriterId, writerPrefix } from './segment-keys.ts';
import { deleteSegments } from './segment-reader.ts';
import { SegmentWriter } from './segment-writer.ts';

const rounds = 100;
const root = process.argv[2] ?? path.join(tmpdir(), 'rubato-wal-bench');
const store = await LocalObjectStore.open({ root, clock: systemClock, rng: systemRng });

async function measure(name: string, run: (round: number) => Promise<void>): Promise<void> {
  const tookMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await run(round);
    tookMs.push(performance.now() - start);
  }
  const cpu = process.cpuUsage(cpuBefore);
  tookMs.sort((a, b) => a - b);
  const at = (share: number): string => tookMs[Math.floor(share * (rounds - 1))]!.toFixed(3).padStart(7);
  const cpuMs = ((cpu.user + cpu.system) / 1000 / rounds).toFixed(3).padStart(7);
  console.log(`${name.padEnd(58)} min ${at(0)}  p50 ${at(0.5)}  p95 ${at(0.95)}  cpu ${cpuMs}`);
}

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

const rng = new SeededRng(1);
const entries: SegmentEntry[] = [];
for (let i = 0; i < 7; i++)
  entries.push({ tenant: 'single-tenant', encoding: 1, flags: 0, body: requestBody(rng, 500) });
const segmentBytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
const identity = { writer: 'bench', seq: 1, createdUnixMs: 0 };
const encoded = Buffer.concat(await encodeSegment(identity, entries, segmentBytes));
console.log(`segment: ${segmentBytes} bytes of requests, ${encoded.length} compressed`);

const stored = encoded.length > 200_000 ? encoded.subarray(0, 200_000) : new Uint8Array(200_000).fill(1);
await measure('put of 200,000 bytes (write, sync, rename, folder sync)', (round) =>
  store.put(`bench/${round}`, stored),
);
await measure('put of 200,000 bytes if absent', (round) =>
  store.put(`bench/absent-${round}`, stored, { ifAbsent: true }),
);
await measure('get of 200,000 bytes', async (round) => void (await store.get(`bench/${round}`)));
await measure('getRange of 16 kB', async (round) => void (await store.getRange(`bench/${round}`, 50_000, 16_384)));
await measure('encode a segment', async () => void (await encodeSegment(identity, entries, segmentBytes)));
await measure('decode a segment', async () => void (await decodeSegment('bench', encoded)));

const writer = newWriterId(systemRng);
const limits = { lingerMs: 0, segmentBytesMax: 8 << 20, inFlightMax: 4, pendingBytesMax: 64 << 20 };
const segments = new SegmentWriter({ store, writer, clock: systemClock, ...limits });
await measure('append of one whole segment to durable', async () => {
  await Promise.all(entries.map((entry) => segments.append(entry).durable));
});
await measure('append of one request of 1 kB to durable, idle writer', async () => {
  const body = entries[0]!.body.subarray(0, 1000);
  await segments.append({ tenant: 'single-tenant', encoding: 1, flags: 0, body }).durable;
});

await segments.close();
await deleteSegments(store, writer, segments.lastSeq);
for await (const { key } of store.list('bench/')) await store.delete(key);
for await (const { key } of store.list(writerPrefix(writer))) throw new Error(`${key} is left`);
