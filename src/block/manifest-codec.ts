/**
 * Bytes of one manifest version, format version 1. Little endian. In full: docs/format/manifest.md.
 *
 *   offset size
 *        0    4  magic "RMAN"
 *        4    1  format version: 1
 *        5    1  kind: 0 delta, 1 checkpoint
 *        6    2  0
 *        8    8  manifest version
 *       16    8  committed, Unix milliseconds
 *       24    4  p: length of the payload
 *       28    4  CRC-32 of bytes 0..28 and the payload
 *       32    p  payload: JSON, zstd
 *
 * The header stands apart so that the age of a version costs 32 bytes, not a checkpoint of thousands of blocks. JSON,
 * because people read it with `zstdcat` when something is wrong, and because the native parser beats anything we would
 * write; a block's numbers are an array, as names repeated 10,000 times are what makes JSON slow.
 */

import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { corrupt } from '../base/errors.ts';
import { checkFormat } from '../base/format-version.ts';
import type { BlockMeta, ManifestChange, ManifestState, PackMeta, RemovedBlock } from './manifest-state.ts';

const magic = 0x4e414d52;
const formatVersion = 1;
const kindDelta = 0;
const kindCheckpoint = 1;
const checksumOffset = 28;
export const manifestHeaderBytes = 32;
/** Far above a checkpoint of a million blocks. */
const payloadBytesMax = 1 << 30;

const compress = promisify(zlib.zstdCompress);
const decompress = promisify(zlib.zstdDecompress);

export interface VersionHeader {
  readonly version: number;
  readonly committedUnixMs: number;
  readonly isCheckpoint: boolean;
}

export interface ManifestVersion extends VersionHeader {
  /** Random: by it the author recognises its own commit. */
  readonly commitId: string;
  /** Of a checkpoint: the state after it. Otherwise the change that leads to it. */
  readonly content: ManifestState | ManifestChange;
}

export function isState(content: ManifestState | ManifestChange): content is ManifestState {
  return 'blocks' in content;
}

/** [id, minStart, maxEnd, spans, traces, bytes, level, created, rowGroups, file names' row, file sizes, pack's row] */
type StoredBlock = [string, string, string, number, number, number, number, number, number, number, number[], number?];
/** [id, bytes] */
type StoredPack = [string, number];
/** [id, reason, removed, file names' row] */
type StoredRemoved = [string, string, number, number];

/** Blocks of one kind have the same files: each set of names is stored once, and blocks name its row. */
interface StoredNames {
  fileNames: string[][];
}

interface StoredDelta extends StoredNames {
  tenant: string;
  commit: string;
  add?: StoredBlock[];
  remove?: [id: string, reason: string][];
  addPack?: [...StoredPack, blockIds: readonly string[]];
  cover?: [writer: string, seq: number];
  collected?: readonly string[];
  forgetWriters?: readonly string[];
}

interface StoredCheckpoint extends StoredNames {
  tenant: string;
  commit: string;
  blocks: StoredBlock[];
  covered: [writer: string, seq: number][];
  removed: StoredRemoved[];
  packs: StoredPack[];
}

export async function encodeVersion(tenant: string, version: ManifestVersion): Promise<readonly Uint8Array[]> {
  const { content } = version;
  const names = new NameTable();
  const packs = isState(content) ? [...content.packs.values()] : [];
  const packRows = new Map(packs.map(({ id }, row) => [id, row]));
  const stored: StoredDelta | StoredCheckpoint = isState(content)
    ? {
        tenant,
        commit: version.commitId,
        fileNames: names.rows,
        covered: [...content.covered],
        removed: [...content.removed.values()].map((removed) => storeRemoved(removed, names)),
        packs: packs.map(({ id, sizeBytes }) => [id, sizeBytes]),
        blocks: [...content.blocks.values()].map((block) => storeBlock(block, names, packRows)),
      }
    : {
        tenant,
        commit: version.commitId,
        fileNames: names.rows,
        ...(content.add && { add: content.add.map((block) => storeBlock(block, names, packRows)) }),
        ...(content.remove && { remove: content.remove.map(({ id, reason }) => [id, reason]) }),
        ...(content.addPack && {
          addPack: [content.addPack.id, content.addPack.sizeBytes, content.addPack.blockIds],
        }),
        ...(content.cover && { cover: [content.cover.writer, content.cover.seq] }),
        ...(content.collected && { collected: content.collected }),
        ...(content.forgetWriters && { forgetWriters: content.forgetWriters }),
      };
  const json = Buffer.from(JSON.stringify(stored));
  const payload = await compress(json, { chunkSize: json.length + 1024, pledgedSrcSize: json.length });
  const header = new Uint8Array(manifestHeaderBytes);
  const view = new DataView(header.buffer);
  view.setUint32(0, magic, true);
  view.setUint8(4, formatVersion);
  view.setUint8(5, version.isCheckpoint ? kindCheckpoint : kindDelta);
  view.setBigUint64(8, BigInt(version.version), true);
  view.setBigUint64(16, BigInt(Math.trunc(version.committedUnixMs)), true);
  view.setUint32(24, payload.length, true);
  view.setUint32(checksumOffset, checksum(header, payload), true);
  return [header, payload];
}

function checksum(header: Uint8Array, payload: Uint8Array): number {
  return zlib.crc32(payload, zlib.crc32(header.subarray(0, checksumOffset)));
}

/** The first 32 bytes; their checksum covers the payload too and is not checked. @throws kind `corrupt`, or `newer_format` */
export function decodeVersionHeader(where: string, bytes: Uint8Array): VersionHeader {
  if (bytes.length < manifestHeaderBytes) throw corrupt(where, `${bytes.length} bytes are too few for a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== magic) throw corrupt(`${where} at 0`, 'not a manifest (magic)');
  checkFormat(`${where} at 4`, 'manifest', view.getUint8(4), formatVersion);
  const kind = view.getUint8(5);
  if (kind !== kindDelta && kind !== kindCheckpoint) throw corrupt(`${where} at 5`, `unknown kind ${kind}`);
  return {
    version: Number(view.getBigUint64(8, true)),
    committedUnixMs: Number(view.getBigUint64(16, true)),
    isCheckpoint: kind === kindCheckpoint,
  };
}

/** @throws kind `corrupt` unless the bytes are what was written for this tenant and version */
export async function decodeVersion(
  where: string,
  tenant: string,
  version: number,
  bytes: Uint8Array,
): Promise<ManifestVersion> {
  const header = decodeVersionHeader(where, bytes);
  const payload = bytes.subarray(manifestHeaderBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(24, true) !== payload.length)
    throw corrupt(`${where} at 24`, `payload has ${payload.length} bytes, not ${view.getUint32(24, true)}`);
  if (view.getUint32(checksumOffset, true) !== checksum(bytes, payload))
    throw corrupt(`${where} at ${checksumOffset}`, 'checksum does not match');
  if (header.version !== version) throw corrupt(`${where} at 8`, `holds version ${header.version}`);
  let stored: StoredDelta | StoredCheckpoint;
  try {
    const chunkSize = Math.min(payloadBytesMax, Math.max(1024, payload.length * 6));
    const json = await decompress(payload, { chunkSize, maxOutputLength: payloadBytesMax });
    stored = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString());
  } catch (error) {
    throw corrupt(where, 'payload is not JSON in zstd', error);
  }
  if (stored.tenant !== tenant) throw corrupt(where, `is a manifest of tenant ${stored.tenant}`);
  const content = 'blocks' in stored ? readCheckpoint(stored, version) : readDelta(stored);
  if (isState(content) !== header.isCheckpoint) throw corrupt(`${where} at 5`, 'kind and payload differ');
  return { ...header, commitId: stored.commit, content };
}

function readCheckpoint(stored: StoredCheckpoint, version: number): ManifestState {
  const packs = new Map<string, PackMeta>();
  for (const [id, sizeBytes] of stored.packs) packs.set(id, { id, sizeBytes });
  const packIds = [...packs.keys()];
  const blocks = new Map<string, BlockMeta>();
  for (const block of stored.blocks) blocks.set(block[0], readBlock(block, stored.fileNames, packIds));
  const removed = new Map<string, RemovedBlock>();
  for (const [id, reason, removedUnixMs, names] of stored.removed)
    removed.set(id, { id, reason, removedUnixMs, files: stored.fileNames[names]! });
  return { tenant: stored.tenant, version, blocks, removed, packs, covered: new Map(stored.covered) };
}

function readDelta(stored: StoredDelta): ManifestChange {
  return {
    ...(stored.add && { add: stored.add.map((block) => readBlock(block, stored.fileNames, [])) }),
    ...(stored.remove && { remove: stored.remove.map(([id, reason]) => ({ id, reason })) }),
    ...(stored.addPack && {
      addPack: { id: stored.addPack[0], sizeBytes: stored.addPack[1], blockIds: stored.addPack[2] },
    }),
    ...(stored.cover && { cover: { writer: stored.cover[0], seq: stored.cover[1] } }),
    ...(stored.collected && { collected: stored.collected }),
    ...(stored.forgetWriters && { forgetWriters: stored.forgetWriters }),
  };
}

function storeBlock(block: BlockMeta, names: NameTable, packRows: ReadonlyMap<string, number>): StoredBlock {
  const stored: StoredBlock = [
    block.id,
    String(block.minStartUnixNano),
    String(block.maxEndUnixNano),
    block.spanCount,
    block.traceCount,
    block.sizeBytes,
    block.level,
    block.createdUnixMs,
    block.rowGroups,
    names.rowOf(Object.keys(block.files)),
    Object.values(block.files),
  ];
  const packRow = block.packId === undefined ? undefined : packRows.get(block.packId);
  if (packRow !== undefined) stored.push(packRow);
  return stored;
}

function readBlock(stored: StoredBlock, fileNames: readonly string[][], packIds: readonly string[]): BlockMeta {
  const [id, minStart, maxEnd, spanCount, traceCount, sizeBytes, level, createdUnixMs, rowGroups, row, sizes, packRow] =
    stored;
  const packId = packRow === undefined ? undefined : packIds[packRow];
  const names = fileNames[row]!;
  const files: Record<string, number> = {};
  for (let i = 0; i < names.length; i++) files[names[i]!] = sizes[i]!;
  return {
    id,
    minStartUnixNano: BigInt(minStart),
    maxEndUnixNano: BigInt(maxEnd),
    spanCount,
    traceCount,
    sizeBytes,
    level,
    files,
    createdUnixMs,
    rowGroups,
    ...(packId !== undefined && { packId }),
  };
}

function storeRemoved(removed: RemovedBlock, names: NameTable): StoredRemoved {
  return [removed.id, removed.reason, removed.removedUnixMs, names.rowOf(removed.files)];
}

class NameTable {
  readonly rows: string[][] = [];
  readonly #rowByNames = new Map<string, number>();

  rowOf(names: readonly string[]): number {
    const joined = names.join('/');
    let row = this.#rowByNames.get(joined);
    if (row === undefined) {
      row = this.rows.length;
      this.rows.push([...names]);
      this.#rowByNames.set(joined, row);
    }
    return row;
  }
}
