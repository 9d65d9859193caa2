/** Tempo's `data.parquet` read in slices of rows: from a copy on this disk, because a column is read in many small pieces. */
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { type TraceRow, traceColumns } from './trace-rows.ts';

const copyBytes = 16 * 1024 * 1024;
/** Traces in memory at once, as objects. */
const sliceRows = 500;

export interface DataFile {
  readonly rowCount: number;
  slices(): AsyncGenerator<readonly TraceRow[]>;
  close(): Promise<void>;
}

/** @throws RubatoError corrupt: not a Parquet file */
export async function openDataFile(store: ObjectStore, key: string): Promise<DataFile> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rubato-import-'));
  const handle = await open(path.join(folder, 'data.parquet'), 'w+');
  const close = async (): Promise<void> => {
    await handle.close();
    await rm(folder, { recursive: true });
  };
  try {
    const file = bufferOf(handle, await copy(store, key, handle));
    const metadata = await parquetMetadataAsync(file).catch((error: unknown) => {
      throw new RubatoError(ErrorKind.corrupt, 'bad_parquet', `${key}: ${(error as Error).message}`, error);
    });
    const rowCount = Number(metadata.num_rows);
    return {
      rowCount,
      close,
      async *slices() {
        const options = { file, metadata, columns: traceColumns, utf8: false, useOffsetIndex: true };
        for (let rowStart = 0; rowStart < rowCount; rowStart += sliceRows) {
          const rowEnd = Math.min(rowStart + sliceRows, rowCount);
          yield (await parquetReadObjects({ ...options, rowStart, rowEnd })) as unknown as TraceRow[];
        }
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function copy(store: ObjectStore, key: string, handle: FileHandle): Promise<number> {
  const { size } = await store.getTail(key, 1);
  for (let at = 0; at < size; at += copyBytes)
    await handle.write(await store.getRange(key, at, Math.min(copyBytes, size - at)), 0, undefined, at);
  return size;
}

function bufferOf(handle: FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const bytes = new Uint8Array(end - start);
      await handle.read(bytes, 0, bytes.length, start);
      return bytes.buffer;
    },
  };
}
