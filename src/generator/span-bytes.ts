/**
 * Bytes that a span takes as opentelemetry.proto.trace.v1.Span, worked out from its columns: what the fields take whose
 * value is not the default. Receivers hand on a status in every span, so it is counted also when it is empty.
 */
import type { SpanTableData } from '../model/span-table.ts';

const traceIdBytes = 18;
const spanIdBytes = 10;
const timeBytes = 9;
/** Tag, and bytes of the field, for fixed32 flags of spans (field 16) and links (field 6). */
const spanFlagsBytes = 6;
const linkFlagsBytes = 5;
const statusScope = 'statusMessage';

export const varintBytes = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;

/** A length-delimited field with a tag of one byte. */
const field = (length: number): number => 1 + varintBytes(length) + length;

/** By value id: the bytes of the field that the value is in its span, event or link. */
export class ValueSizes {
  bytes = new Uint32Array(1024);
  /** By value id: 1 when it is a status's message, which stands inside another message. */
  isStatusMessage = new Uint8Array(1024);
  #count = 1;

  update(data: SpanTableData): void {
    if (data.valueCount > this.bytes.length) {
      const bytes = new Uint32Array(Math.max(data.valueCount, this.bytes.length * 2));
      bytes.set(this.bytes);
      const isStatusMessage = new Uint8Array(bytes.length);
      isStatusMessage.set(this.isStatusMessage);
      this.bytes = bytes;
      this.isStatusMessage = isStatusMessage;
    }
    for (; this.#count < data.valueCount; this.#count++) this.#measure(data, this.#count);
  }

  #measure(data: SpanTableData, id: number): void {
    const { scope, key, type } = data.columns[data.valueColumn[id]!]!;
    const length = data.valueLength[id]!;
    if (scope === 'spanField' && key === statusScope) this.isStatusMessage[id] = 1;
    if (scope === 'span' || scope === 'event' || scope === 'link') {
      // KeyValue {1 key, 2 AnyValue}
      const value = type === 'string' ? field(length) : type === 'int' ? 1 + intBytes(data, id) : scalarBytes[type];
      const any = type === 'any' ? length : value;
      this.bytes[id] = field(field(Buffer.byteLength(key)) + field(any));
    } else if (key === 'flags') this.bytes[id] = scope === 'spanField' ? spanFlagsBytes : linkFlagsBytes;
    else if (key === 'duplicateAttributes') {
      // AnyValue {6 KeyValueList {1 KeyValue}}: inside the list the attributes are as they are in the span.
      this.bytes[id] = Math.max(0, length - 1 - varintLength(data, data.valueOffset[id]! + 1));
    } else if (type === 'int') this.bytes[id] = 1 + intBytes(data, id);
    else this.bytes[id] = length === 0 ? 0 : field(length);
  }
}

const scalarBytes = { double: 9, bool: 2, any: 0 } as const;

/** Of a varint that is there. */
function varintLength(data: SpanTableData, at: number): number {
  let length = 1;
  while (data.arena[at + length - 1]! > 127) length++;
  return length;
}

function intBytes(data: SpanTableData, id: number): number {
  const at = data.valueOffset[id]!;
  const { arena } = data;
  for (let byte = 7; byte >= 0; byte--) {
    const value = arena[at + byte]!;
    if (value === 0) continue;
    return Math.ceil((byte * 8 + 32 - Math.clz32(value)) / 7);
  }
  return 1;
}

export function spanBytes(data: SpanTableData, sizes: ValueSizes, row: number): number {
  const { attrs, attrEnd, valueLength } = data;
  const { bytes, isStatusMessage } = sizes;
  let total = traceIdBytes + spanIdBytes;
  if (data.parentId[row * 2] !== 0 || data.parentId[row * 2 + 1] !== 0) total += spanIdBytes;
  const nameLength = valueLength[data.name[row]!]!;
  if (nameLength > 0) total += field(nameLength);
  if ((data.kindStatus[row]! & 15) !== 0) total += 2;
  if (data.start[row * 2] !== 0 || data.start[row * 2 + 1] !== 0) total += timeBytes;
  if (data.end[row * 2] !== 0 || data.end[row * 2 + 1] !== 0) total += timeBytes;
  let status = data.kindStatus[row]! > 15 ? 2 : 0;
  const end = attrEnd[row]!;
  for (let i = row === 0 ? 0 : attrEnd[row - 1]!; i < end; i++) {
    const id = attrs[i]!;
    if (isStatusMessage[id] === 1) status += bytes[id]!;
    else total += bytes[id]!;
  }
  total += field(status);
  const eventEnd = data.eventEnd[row]!;
  for (let event = row === 0 ? 0 : data.eventEnd[row - 1]!; event < eventEnd; event++)
    total += field(eventBytes(data, bytes, event));
  const linkEnd = data.linkEnd[row]!;
  for (let link = row === 0 ? 0 : data.linkEnd[row - 1]!; link < linkEnd; link++)
    total += field(linkBytes(data, bytes, link));
  return total;
}

function eventBytes(data: SpanTableData, bytes: Uint32Array, event: number): number {
  const nameLength = data.valueLength[data.eventName[event]!]!;
  let total = nameLength === 0 ? 0 : field(nameLength);
  if (data.eventTime[event * 2] !== 0 || data.eventTime[event * 2 + 1] !== 0) total += timeBytes;
  const end = data.eventAttrEnd[event]!;
  for (let i = event === 0 ? 0 : data.eventAttrEnd[event - 1]!; i < end; i++) total += bytes[data.eventAttrs[i]!]!;
  return total;
}

function linkBytes(data: SpanTableData, bytes: Uint32Array, link: number): number {
  let total = 0;
  const { linkTraceId, linkSpanId } = data;
  const at = link * 4;
  if ((linkTraceId[at]! | linkTraceId[at + 1]! | linkTraceId[at + 2]! | linkTraceId[at + 3]!) !== 0)
    total += traceIdBytes;
  if (linkSpanId[link * 2] !== 0 || linkSpanId[link * 2 + 1] !== 0) total += spanIdBytes;
  const end = data.linkAttrEnd[link]!;
  for (let i = link === 0 ? 0 : data.linkAttrEnd[link - 1]!; i < end; i++) total += bytes[data.linkAttrs[i]!]!;
  return total;
}
