/** Makes the buffers of fixed columns: what stands in the file becomes what the port shows. */
import type { BufferOwner, ChunkPlace, ColumnBuffer } from './column-buffer.ts';
import {
  CodesBuffer,
  type Convert,
  FixedBuffer,
  Int32Buffer,
  int32Values,
  LookupBuffer,
  type LookupOptions,
  localRows,
  parentRows,
  wordNumbers,
} from './column-buffers.ts';
import { kindNames, statusNames } from './layout.ts';
import { SelectedCodes } from './selected-codes.ts';
import { durations, signedTimes, spanStarts, TimesBuffer } from './times-buffer.ts';
import type { TraceArrays } from './trace-arrays.ts';

export type FixedTable = 'spans' | 'events' | 'links';

export interface FixedContext {
  /** The traces whose rows the buffer is for. */
  readonly traces: TraceArrays;
  readonly base: { readonly low: number; readonly high: number };
  /** Row in the file of the row group's first resource. */
  readonly firstResource: number;
  readonly resourceCount: number;
  /** Turns span rows in the file into those of the fragment. */
  readonly spanRow: (where: string) => Convert;
  readonly owner?: BufferOwner;
  /** For selected rows of a column that may have a dictionary: the buffer of the whole column. */
  readonly whole?: ColumnBuffer;
}

/** Fixed columns with a dictionary, which selections share. */
export const hasDictionary = (name: string): boolean =>
  !['span_id', 'trace_id', 'start_offset_nano', 'duration_nano', 'time_offset_nano', 'span'].includes(name);

export function makeFixedBuffer(name: string, place: ChunkPlace, context: FixedContext): ColumnBuffer {
  const { traces, base, owner } = context;
  const { where } = place;
  switch (name) {
    case 'span_id':
    case 'trace_id':
      return new FixedBuffer(place, owner);
    case 'parent_distance':
      return lookupBuffer(place, context, { make: int32s, numbersOf: int32Values, convert: parentRows(where) });
    case 'unlinked_parent_id':
      // Eight bytes a value, as an int has.
      return codesBuffer(place, 'int', context);
    case 'subtree_size':
      return lookupBuffer(place, context, { make: (rows) => new Uint32Array(rows), numbersOf: int32Values });
    case 'start_offset_nano':
      return new TimesBuffer(place, spanStarts(traces, base), owner);
    case 'duration_nano':
      return new TimesBuffer(place, durations, owner);
    case 'time_offset_nano':
      return new TimesBuffer(place, signedTimes, owner);
    case 'kind':
    case 'status': {
      const numbersOf = wordNumbers(where, name === 'kind' ? kindNames : statusNames);
      return lookupBuffer(place, context, { make: (rows) => new Uint8Array(rows), numbersOf });
    }
    case 'resource': {
      const convert = localRows(where, context.firstResource, context.resourceCount);
      return lookupBuffer(place, context, { make: int32s, numbersOf: int32Values, convert });
    }
    case 'span':
      return new Int32Buffer(place, context.spanRow(where), owner);
    default:
      return codesBuffer(place, 'string', context);
  }
}

const int32s = (rows: number): Int32Array<ArrayBuffer> => new Int32Array(rows);

function lookupBuffer<T extends Uint8Array | Uint32Array | Int32Array>(
  place: ChunkPlace,
  { whole, owner }: FixedContext,
  options: Omit<LookupOptions<T>, 'whole'>,
): LookupBuffer<T> {
  return new LookupBuffer(
    place,
    whole === undefined ? options : { ...options, whole: whole as LookupBuffer<T> },
    owner,
  );
}

function codesBuffer(place: ChunkPlace, type: 'int' | 'string', { owner, whole }: FixedContext): CodesBuffer {
  const { selection } = place;
  if (selection === undefined) return new CodesBuffer(place, type, owner);
  return new SelectedCodes({ ...place, selection }, type, whole as CodesBuffer);
}
