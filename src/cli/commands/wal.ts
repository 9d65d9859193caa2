/** `wal`: the segments that writers have left, each read and verified. Looks at storage, not at a server. */
import { openStoredFolder, type StoredFolder } from '../../app/data-folder.ts';
import { ErrorKind } from '../../base/errors.ts';
import { isKind } from '../../objectstore/object-store.ts';
import { inspectSegment } from '../../wal/inspect-segment.ts';
import { seqOfKey, writerPrefix } from '../../wal/segment-keys.ts';
import { listWriters } from '../../wal/segment-reader.ts';
import type { Command, Io } from '../io.ts';
import { readOptions } from '../options.ts';
import { bytesText, countText, plural } from '../text/format.ts';
import { type Cell, table } from '../text/table.ts';

export const wal: Command = {
  summary: 'segments of the write-ahead log, verified',
  usage: `usage: rubato wal [flags] [WRITER]

  --data DIR      the data folder (default ./data)
  --json          JSON for programs instead of text for people

Without WRITER one line a writer, with it one line a segment. Exit code 1 when a segment is damaged.
`,
  run: runWal,
};

const options = {
  data: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

interface SegmentReport {
  readonly key: string;
  readonly seq: number | undefined;
  readonly bytes: number;
  /** Requests, and their bytes when taken out. */
  readonly entries: number;
  readonly contentBytes: number;
  /** By tenant: requests that no block has yet. */
  readonly tenants: readonly string[];
  /** Every tenant has the segment in blocks: it is about to be deleted. */
  readonly covered: boolean;
  readonly problem: string | undefined;
}

interface WriterReport {
  readonly writer: string;
  readonly segments: readonly SegmentReport[];
}

type Cover = ReadonlyMap<string, ReadonlyMap<string, number>>;

async function runWal(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals, isHelp } = readOptions(argv, options, ['WRITER?']);
  if (isHelp) {
    io.out(wal.usage);
    return 0;
  }
  const folder = await openStoredFolder(values.data ?? './data');
  const cover = new Map<string, ReadonlyMap<string, number>>();
  for (const tenant of await folder.manifest.listTenants())
    cover.set(tenant, (await folder.manifest.load(tenant)).covered);
  const [only] = positionals;
  const writers = (await listWriters(folder.store)).filter((writer) => only === undefined || writer === only);
  const reports: WriterReport[] = [];
  for (const writer of writers) reports.push({ writer, segments: await inspectWriter(folder, writer, cover) });
  const damaged = reports.flatMap(({ segments }) => segments.filter(({ problem }) => problem !== undefined));
  if (values.json === true) io.out(JSON.stringify({ writers: reports }));
  else if (reports.length === 0) io.out(only === undefined ? 'no segments' : `no segments of writer ${only}`);
  else {
    io.out(only === undefined ? writersTable(reports, io) : segmentsTable(reports[0]!.segments, io));
    const count = reports.reduce((sum, { segments }) => sum + segments.length, 0);
    io.out(`${plural(count, 'segment')}, ${damaged.length === 0 ? 'all intact' : `${damaged.length} damaged`}`);
    for (const { key, problem } of damaged) io.out(io.paint.red(`${key}: ${problem}`));
  }
  return damaged.length === 0 ? 0 : 1;
}

async function inspectWriter({ store }: StoredFolder, writer: string, cover: Cover): Promise<SegmentReport[]> {
  const reports: SegmentReport[] = [];
  for await (const { key } of store.list(writerPrefix(writer))) {
    const bytes = await store.get(key).catch((error: unknown) => {
      // Deleted since it was listed: its spans are in blocks.
      if (isKind(error, ErrorKind.notFound)) return undefined;
      throw error;
    });
    if (bytes !== undefined) reports.push(await inspect(writer, key, bytes, cover));
  }
  return reports;
}

async function inspect(writer: string, key: string, bytes: Uint8Array, cover: Cover): Promise<SegmentReport> {
  const { header, problem, entries } = await inspectSegment(key, bytes);
  const seq = seqOfKey(writer, key);
  const foreign = header !== undefined && (header.writer !== writer || header.seq !== seq);
  const tenants = [...new Set(entries.map(({ tenant }) => tenant))].sort();
  return {
    key,
    seq,
    bytes: bytes.length,
    entries: entries.length,
    contentBytes: entries.reduce((sum, { body }) => sum + body.length, 0),
    tenants,
    covered: tenants.every((tenant) => (cover.get(tenant)?.get(writer) ?? 0) >= (seq ?? Number.POSITIVE_INFINITY)),
    problem: problem ?? (foreign ? `holds segment ${header.seq} of writer ${header.writer}` : undefined),
  };
}

function writersTable(reports: readonly WriterReport[], io: Io): string {
  const rows = reports.map(({ writer, segments }): Cell[] => {
    const sum = (read: (segment: SegmentReport) => number): number =>
      segments.reduce((total, segment) => total + read(segment), 0);
    const seqs = segments.map(({ seq }) => seq).filter((seq) => seq !== undefined);
    return [
      writer,
      countText(segments.length),
      seqs.length === 0 ? '' : `${Math.min(...seqs)}-${Math.max(...seqs)}`,
      bytesText(sum(({ bytes }) => bytes)),
      bytesText(sum(({ contentBytes }) => contentBytes)),
      countText(sum(({ entries }) => entries)),
      countText(sum(({ covered }) => Number(!covered))),
      [...new Set(segments.flatMap(({ tenants }) => tenants))].sort().join(', '),
    ];
  });
  return table(
    [
      { title: 'WRITER' },
      { title: 'SEGMENTS', align: 'right' },
      { title: 'SEQ' },
      { title: 'SIZE', align: 'right' },
      { title: 'CONTENT', align: 'right' },
      { title: 'REQUESTS', align: 'right' },
      { title: 'NOT IN BLOCKS', align: 'right' },
      { title: 'TENANTS', flexible: true },
    ],
    rows,
    io,
  );
}

function segmentsTable(segments: readonly SegmentReport[], io: Io): string {
  const rows = segments.map((segment): Cell[] => [
    segment.seq === undefined ? segment.key : String(segment.seq),
    bytesText(segment.bytes),
    bytesText(segment.contentBytes),
    countText(segment.entries),
    segment.problem !== undefined ? { text: 'damaged', paint: io.paint.red } : segment.covered ? 'in blocks' : 'live',
    segment.tenants.join(', '),
  ]);
  return table(
    [
      { title: 'SEQ', align: 'right' },
      { title: 'SIZE', align: 'right' },
      { title: 'CONTENT', align: 'right' },
      { title: 'REQUESTS', align: 'right' },
      { title: 'STATE' },
      { title: 'TENANTS', flexible: true },
    ],
    rows,
    io,
  );
}
