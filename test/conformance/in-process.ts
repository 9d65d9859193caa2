/**
 * The recorded answers of the conformance corpus, replayed without a server: the corpus' data is scanned into live
 * fragments, requests are made as plain data, answers are brought into the corpus' canonical form. The corpus lies beside
 * the project (`../shared`) and is not part of it; without it tests say so and are skipped.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { liveFragment } from '../../src/block/live-fragment.ts';
import { SpanTable, type SpanTableData } from '../../src/model/span-table.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';
import type { Fragment, TraceStorage } from '../../src/traceql/storage.ts';

const shared = path.resolve(import.meta.dirname, '../../../shared');

/** The reason to skip, or false: `test(name, { skip: conformanceMissing }, …)`. */
export const conformanceMissing: string | false = existsSync(path.join(shared, 'conformance/corpus.json'))
  ? false
  : `SKIPPED: no conformance corpus at ${path.join('..', 'shared', 'conformance')}`;

export interface CorpusEntry {
  readonly id: string;
  readonly kind: 'search' | 'metrics' | 'instant' | 'tags' | 'values' | 'trace' | 'invalid';
  readonly q?: string;
  readonly startSec?: number;
  readonly endSec?: number;
  readonly step?: string;
  readonly v?: 1 | 2;
  readonly scope?: string;
  readonly tag?: string;
  readonly limit?: number;
  readonly check?: string;
  readonly quirk?: string;
}

/** A canonical answer; see the corpus' README. */
export type Answer = Record<string, unknown> & { readonly status: number };

const readJson = <T>(name: string): T => JSON.parse(readFileSync(path.join(shared, 'conformance', name), 'utf8')) as T;

export const corpus = (): readonly CorpusEntry[] => readJson('corpus.json');
export const expectedAnswers = (): Readonly<Record<string, Answer>> => readJson('expected.json');
/** Ids whose recorded answers are not to be reproduced. */
export const quirkIds = (): ReadonlySet<string> => new Set(readJson<string[]>('quirks.json'));

/** '' when the answers are equal, else what differs. */
export async function loadDiffer(): Promise<(want: Answer | undefined, got: Answer | undefined) => string> {
  const url = pathToFileURL(path.join(shared, 'conformance/run.mjs')).href;
  const run = (await import(url)) as { differ(want: unknown, got: unknown): string };
  return run.differ;
}

/** Start of the data in Unix ms; a whole hour. */
export const baseMs = 1_699_999_200_000;
export const atSecond = (second: number): bigint => BigInt(baseMs + second * 1000) * 1_000_000n;

interface Tracegen {
  batches(options: {
    seed: number;
    traces: number;
    baseNs: bigint;
    spreadSeconds: number;
  }): Iterable<{ readonly bytes: Uint8Array }>;
}

/** The generator's traces. */
export async function generatedTable(seed: number, traces: number, spreadSeconds: number): Promise<SpanTableData> {
  const url = pathToFileURL(path.join(shared, 'tracegen/tracegen.mjs')).href;
  const { batches } = (await import(url)) as Tracegen;
  const table = new SpanTable();
  const scanner = new OtlpScanner(table);
  for (const batch of batches({ seed, traces, baseNs: atSecond(0), spreadSeconds })) {
    scanner.scan(batch.bytes, { maxAttributeBytes: 0 });
  }
  return table.share();
}

/** The generator's traces as one live fragment. */
export async function generatedFragment(id: string, seed: number, traces: number, spreadSeconds: number) {
  return liveFragment(id, await generatedTable(seed, traces, spreadSeconds));
}

/**
 * The corpus' data as storage of `count` fragments. Each holds everything, but all traces are hidden in all fragments but
 * one, the way a snapshot hides what it reads elsewhere.
 */
export async function conformanceStorage(count: number): Promise<TraceStorage> {
  const whole = await generatedFragment('conformance', 42, 400, 120);
  const fragments: Fragment[] = Array.from({ length: count }, (_, k) =>
    count === 1
      ? whole
      : whole.view(Uint8Array.from({ length: whole.traceCount }, (_, t) => (t % count === k ? 0 : 1))),
  );
  return fixedStorage(fragments);
}

/** Storage that has these fragments, whatever is asked for. */
export function fixedStorage(fragments: readonly Fragment[]): TraceStorage {
  return {
    snapshot: async () => ({ fragments, blockCount: fragments.length, version: 'fixed' }),
  };
}
