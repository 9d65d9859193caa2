/**
 * Parquet files of blocks as files on this machine, which is what DuckDB reads. Those of a data folder are read where they
 * lie. Those of a bucket are downloaded, only the tables that are asked for, and kept: a block never changes.
 */
import { existsSync } from 'node:fs';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { blockFileKey } from '../../block/manifest-keys.ts';
import type { BlockMeta } from '../../block/manifest-state.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { type SqlTable, sqlTables, type TableFiles } from './views.ts';

/** Where files are, or how they get here. */
export interface BlockFiles {
  /** @throws RubatoError notFound: the block was removed a while ago */
  pathOf(tenant: string, block: BlockMeta, file: string): Promise<string>;
}

export function filesInFolder(root: string): BlockFiles {
  return { pathOf: async (tenant, block, file) => path.resolve(root, blockFileKey(tenant, block.id, file)) };
}

export function downloadedFiles(store: ObjectStore, folder: string): BlockFiles {
  return {
    async pathOf(tenant, block, file) {
      const key = blockFileKey(tenant, block.id, file);
      const target = path.resolve(folder, key);
      const size = (await stat(target).catch(() => undefined))?.size;
      if (size === block.files[file]) return target;
      const bytes = await store.get(key);
      await mkdir(path.dirname(target), { recursive: true });
      const partial = `${target}.${process.pid}`;
      await writeFile(partial, bytes);
      await rename(partial, target);
      return target;
    },
  };
}

/** Downloads at the same time. */
const downloadsMax = 8;

/** `missing` are blocks of which a file is gone: their spans are in other blocks by now. */
export async function tableFiles(
  files: BlockFiles,
  tenant: string,
  blocks: readonly BlockMeta[],
  tables: ReadonlySet<SqlTable>,
): Promise<{ readonly files: TableFiles; readonly missing: readonly string[] }> {
  const result: Record<SqlTable, string[]> = { traces: [], spans: [], resources: [], events: [], links: [] };
  const wanted = blocks.flatMap((block) =>
    sqlTables
      .filter((table) => tables.has(table) && (block.files[`${table}.parquet`] ?? 0) > 0)
      .map((table) => ({ block, table })),
  );
  const missing = new Set<string>();
  const work = wanted.values();
  const worker = async (): Promise<void> => {
    for (const { block, table } of work) {
      const file = await files.pathOf(tenant, block, `${table}.parquet`);
      if (existsSync(file)) result[table].push(file);
      else missing.add(block.id);
    }
  };
  await Promise.all(Array.from({ length: downloadsMax }, worker));
  return { files: result, missing: [...missing] };
}
