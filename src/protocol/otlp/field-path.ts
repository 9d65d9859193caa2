/** Says in words where in a damaged trace request a byte lies. Runs once per refused request, so it starts over. */
import { ProtoReader, WireType } from '../../base/protobuf.ts';

interface Message {
  readonly [field: number]: { readonly name: string; readonly repeated?: boolean; readonly message?: Message };
}

// Entries that name themselves are filled in below.
const anyValue: Record<number, Message[number]> = {
  1: { name: 'string_value' },
  2: { name: 'bool_value' },
  3: { name: 'int_value' },
  4: { name: 'double_value' },
  7: { name: 'bytes_value' },
};
const keyValue: Message = { 1: { name: 'key' }, 2: { name: 'value', message: anyValue } };
anyValue[5] = { name: 'array_value', message: { 1: { name: 'values', repeated: true, message: anyValue } } };
anyValue[6] = { name: 'kvlist_value', message: { 1: { name: 'values', repeated: true, message: keyValue } } };
const attributes = { name: 'attributes', repeated: true, message: keyValue };
const resource: Message = {
  1: attributes,
  2: { name: 'dropped_attributes_count' },
  3: { name: 'entity_refs', repeated: true },
};
const scope: Message = {
  1: { name: 'name' },
  2: { name: 'version' },
  3: attributes,
  4: { name: 'dropped_attributes_count' },
};
const event: Message = {
  1: { name: 'time_unix_nano' },
  2: { name: 'name' },
  3: attributes,
  4: { name: 'dropped_attributes_count' },
};
const link: Message = {
  1: { name: 'trace_id' },
  2: { name: 'span_id' },
  3: { name: 'trace_state' },
  4: attributes,
  5: { name: 'dropped_attributes_count' },
  6: { name: 'flags' },
};
const span: Message = {
  1: { name: 'trace_id' },
  2: { name: 'span_id' },
  3: { name: 'trace_state' },
  4: { name: 'parent_span_id' },
  5: { name: 'name' },
  6: { name: 'kind' },
  7: { name: 'start_time_unix_nano' },
  8: { name: 'end_time_unix_nano' },
  9: attributes,
  10: { name: 'dropped_attributes_count' },
  11: { name: 'events', repeated: true, message: event },
  12: { name: 'dropped_events_count' },
  13: { name: 'links', repeated: true, message: link },
  14: { name: 'dropped_links_count' },
  15: { name: 'status', message: { 2: { name: 'message' }, 3: { name: 'code' } } },
  16: { name: 'flags' },
};
const scopeSpans: Message = {
  1: { name: 'scope', message: scope },
  2: { name: 'spans', repeated: true, message: span },
  3: { name: 'schema_url' },
};
const resourceSpans: Message = {
  1: { name: 'resource', message: resource },
  2: { name: 'scope_spans', repeated: true, message: scopeSpans },
  3: { name: 'schema_url' },
  1000: { name: 'instrumentation_library_spans', repeated: true, message: scopeSpans },
};
const request: Message = { 1: { name: 'resource_spans', repeated: true, message: resourceSpans } };

/** Path like `resource_spans[0].scope_spans[2].spans[7].attributes[1].value`; `request` when it is in no field. */
export function fieldPathAt(bytes: Uint8Array, offset: number): string {
  const path: string[] = [];
  let message: Message | undefined = request;
  let start = 0;
  let end = bytes.length;
  while (message !== undefined) {
    const found: Found | undefined = findField(new ProtoReader(bytes, start, end), message, offset);
    if (found === undefined) break;
    path.push(found.name);
    message = found.message;
    start = found.start;
    end = found.end;
  }
  return path.length === 0 ? 'request' : path.join('.');
}

interface Found {
  readonly name: string;
  /** Set when there may be more inside. */
  readonly message: Message | undefined;
  readonly start: number;
  readonly end: number;
}

function findField(reader: ProtoReader, message: Message, offset: number): Found | undefined {
  const counts = new Map<number, number>();
  let name = '';
  try {
    while (reader.next()) {
      const field = message[reader.field];
      const count = counts.get(reader.field) ?? 0;
      counts.set(reader.field, count + 1);
      name = field === undefined ? `field ${reader.field}` : field.repeated ? `${field.name}[${count}]` : field.name;
      let length = 0;
      const hasLength = reader.wireType === WireType.bytes;
      if (hasLength) length = reader.bytes().length;
      else reader.skip();
      const end = reader.position;
      if (offset < end || (offset === end && length > 0 && field?.message !== undefined)) {
        const inside = hasLength && offset >= end - length;
        return { name, message: inside ? field?.message : undefined, start: end - length, end };
      }
      name = '';
    }
  } catch {
    // The damage is in this field itself, or in what should have been the next tag.
    return name === '' ? undefined : { name, message: undefined, start: 0, end: 0 };
  }
  return undefined;
}
