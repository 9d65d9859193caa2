/** A stored value as the text of a label, and as a number. */
import { type AnyValue, decodeAnyValue } from '../model/any-value.ts';
import type { SpanTableData } from '../model/span-table.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Undefined when it is not UTF-8. */
export function valueText(data: SpanTableData, id: number): string | undefined {
  const at = data.valueOffset[id]!;
  const bytes = data.arena.subarray(at, at + data.valueLength[id]!);
  switch (data.columns[data.valueColumn[id]!]!.type) {
    case 'string':
      return decodeText(bytes);
    case 'any':
      return anyText(decodeAnyValue(copied(bytes)));
    case 'int':
      return String(viewOf(bytes).getBigInt64(0, true));
    case 'double':
      return doubleText(viewOf(bytes).getFloat64(0, true));
    case 'bool':
      return bytes[0] === 0 ? 'false' : 'true';
  }
}

/** Of ints and doubles. */
export function valueNumber(data: SpanTableData, id: number): number | undefined {
  const { type } = data.columns[data.valueColumn[id]!]!;
  const at = data.valueOffset[id]!;
  if (type !== 'int' && type !== 'double') return undefined;
  const view = viewOf(data.arena.subarray(at, at + 8));
  return type === 'int' ? Number(view.getBigInt64(0, true)) : view.getFloat64(0, true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Decoders refuse shared memory. */
function copied(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(copied(bytes));
  } catch {
    return undefined;
  }
}

function doubleText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function anyText(value: AnyValue): string {
  switch (value.type) {
    case 'empty':
      return '';
    case 'bytes':
      return Buffer.from(value.value).toString('base64');
    case 'array':
    case 'kvlist':
      return JSON.stringify(plain(value));
    case 'double':
      return doubleText(value.value);
    default:
      return String(value.value);
  }
}

function plain(value: AnyValue): unknown {
  switch (value.type) {
    case 'array':
      return value.value.map(plain);
    case 'kvlist':
      return Object.fromEntries(value.value.map((item) => [item.key, plain(item.value)]));
    case 'string':
    case 'bool':
      return value.value;
    default:
      return anyText(value);
  }
}
