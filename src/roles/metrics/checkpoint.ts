/**
 * What a metrics role knows, in one piece: every tenant's counters, and up to where in the segments of every writer spans
 * have been counted. Both at once, so that a restart counts on from there and each span once.
 *
 * The last collection is named too: what it put into send queues is valid; what a later one put there was not finished.
 */
import { corrupt } from '../../base/errors.ts';
import { checkFormat } from '../../base/format-version.ts';
import type { FileSystem } from '../../fs/file-system.ts';
import type { GeneratorState } from '../../generator/generator.ts';
import { makeFolders, readWhole, writeWhole } from './files.ts';

export interface Position {
  /** All segments up to this have been counted … */
  readonly through: number;
  /** … and these. */
  readonly beyond: readonly number[];
}

export interface Checkpoint {
  readonly collection: number;
  readonly positions: Readonly<Record<string, Position>>;
  readonly tenants: Readonly<Record<string, GeneratorState>>;
  /** By tenant: the time of the newest samples, Unix ms. Later ones must not be older. */
  readonly collectedMs?: Readonly<Record<string, number>>;
}

/** Where a role keeps its checkpoints. */
export interface CheckpointStore {
  /** Empty when there is none. @throws kind `corrupt` when it is not what `write` wrote; else it may be there */
  read(): Promise<Checkpoint>;
  /** Durable when it resolves. */
  write(checkpoint: Checkpoint): Promise<void>;
}

const fileName = 'state.json';
const formatVersion = 1;

export const emptyCheckpoint: Checkpoint = { collection: 0, positions: {}, tenants: {} };

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: formatVersion, ...checkpoint }));
}

/** @throws kind `corrupt` when it is not what {@link encodeCheckpoint} makes */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  let content: Checkpoint & { readonly version: number };
  try {
    content = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw corrupt('a checkpoint of the metrics generator', `it is not JSON: ${(error as Error).message}`);
  }
  checkFormat('a checkpoint of the metrics generator', 'checkpoint', content.version, formatVersion);
  return content;
}

/** In a folder of this process. */
export class FileCheckpoints implements CheckpointStore {
  readonly #fs: FileSystem;
  readonly #folder: string;

  constructor(fs: FileSystem, folder: string) {
    this.#fs = fs;
    this.#folder = folder;
  }

  async read(): Promise<Checkpoint> {
    const bytes = await readWhole(this.#fs, `${this.#folder}/${fileName}`);
    return bytes === undefined ? emptyCheckpoint : decodeCheckpoint(bytes);
  }

  async write(checkpoint: Checkpoint): Promise<void> {
    await makeFolders(this.#fs, this.#folder);
    await writeWhole(this.#fs, this.#folder, fileName, [encodeCheckpoint(checkpoint)]);
  }
}
