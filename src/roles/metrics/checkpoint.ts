/**
 * What a metrics role knows, in one file `state.json`: every tenant's counters, and up to where in the segments of every
 * writer spans have been counted. Both at once, so that a restart counts on from there and each span once.
 *
 * The last collection is named too: what it put into send queues is valid; what a later one put there was not finished.
 */
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
}

const fileName = 'state.json';
const formatVersion = 1;

export const emptyCheckpoint: Checkpoint = { collection: 0, positions: {}, tenants: {} };

/** Empty when there is none. @throws when it is not what {@link writeCheckpoint} wrote */
export async function readCheckpoint(fs: FileSystem, folder: string): Promise<Checkpoint> {
  const bytes = await readWhole(fs, `${folder}/${fileName}`);
  if (bytes === undefined) return emptyCheckpoint;
  const content = JSON.parse(new TextDecoder().decode(bytes)) as Checkpoint & { readonly version: number };
  if (content.version !== formatVersion) throw new Error(`${fileName} has version ${content.version}`);
  return content;
}

export async function writeCheckpoint(fs: FileSystem, folder: string, checkpoint: Checkpoint): Promise<void> {
  await makeFolders(fs, folder);
  const text = JSON.stringify({ version: formatVersion, ...checkpoint });
  await writeWhole(fs, folder, fileName, [new TextEncoder().encode(text)]);
}
