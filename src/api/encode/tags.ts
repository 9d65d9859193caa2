/** Tag names and tag values, v1 (plain strings) and v2 (with scope or type), as JSON and protobuf. */
import { ProtoWriter } from '../../base/protobuf.ts';
import type { QueryCost, TagNamesResult, TagValuesResult } from '../../traceql/result.ts';
import { JsonWriter } from './json-writer.ts';
import { writeMetricsJson, writeMetricsProto } from './query-metrics.ts';

/** SearchTagsResponse: names of all scopes together, each once, sorted. */
export function tagNamesJson(names: readonly string[], cost: QueryCost, withCost: boolean): Buffer {
  const writer = new JsonWriter(4096);
  writer.raw('{"tagNames":');
  writeStrings(writer, names);
  return finishJson(writer, cost, withCost);
}

/** tagNames 1, metrics 2 */
export function tagNamesProto(names: readonly string[], cost: QueryCost): Uint8Array {
  return stringsProto(names, cost);
}

/** SearchTagsV2Response */
export function scopedTagNamesJson(result: TagNamesResult, withCost: boolean): Buffer {
  const writer = new JsonWriter(4096);
  writer.raw('{"scopes":[');
  for (const [index, scope] of result.scopes.entries()) {
    writer.raw(`${index === 0 ? '' : ','}{"name":"${scope.name}","tags":`);
    writeStrings(writer, scope.tags);
    writer.raw('}');
  }
  writer.raw(']');
  return finishJson(writer, result.cost, withCost);
}

/** scopes 1 { name 1, tags 2 }, metrics 2 */
export function scopedTagNamesProto(result: TagNamesResult): Uint8Array {
  const writer = new ProtoWriter(4096);
  for (const scope of result.scopes) {
    writer.message(1, (message) => {
      message.string(1, scope.name);
      for (const tag of scope.tags) message.string(2, tag);
    });
  }
  writeMetricsProto(writer, 2, 'metadata', result.cost);
  return writer.finish();
}

/** SearchTagValuesResponse: values of all types together, each once. */
export function tagValuesJson(values: readonly string[], cost: QueryCost, withCost: boolean): Buffer {
  const writer = new JsonWriter(4096);
  writer.raw('{"tagValues":');
  writeStrings(writer, values);
  return finishJson(writer, cost, withCost);
}

/** tagValues 1, metrics 2 */
export function tagValuesProto(values: readonly string[], cost: QueryCost): Uint8Array {
  return stringsProto(values, cost);
}

/** SearchTagValuesV2Response */
export function typedTagValuesJson(result: TagValuesResult, withCost: boolean): Buffer {
  const writer = new JsonWriter(4096);
  writer.raw('{"tagValues":[');
  for (const [index, { type, value }] of result.values.entries()) {
    writer.raw(`${index === 0 ? '' : ','}{"type":"${type}"`);
    if (value !== '') {
      writer.raw(',"value":');
      writer.string(value);
    }
    writer.raw('}');
  }
  writer.raw(']');
  return finishJson(writer, result.cost, withCost);
}

/** tagValues 1 { type 1, value 2 }, metrics 2 */
export function typedTagValuesProto(result: TagValuesResult): Uint8Array {
  const writer = new ProtoWriter(4096);
  for (const { type, value } of result.values) {
    writer.message(1, (message) => {
      message.string(1, type);
      if (value !== '') message.string(2, value);
    });
  }
  writeMetricsProto(writer, 2, 'metadata', result.cost);
  return writer.finish();
}

function writeStrings(writer: JsonWriter, strings: readonly string[]): void {
  for (const [index, text] of strings.entries()) {
    writer.raw(index === 0 ? '[' : ',');
    writer.string(text);
  }
  writer.raw(strings.length === 0 ? '[]' : ']');
}

function finishJson(writer: JsonWriter, cost: QueryCost, withCost: boolean): Buffer {
  writer.raw(',');
  writeMetricsJson(writer, 'metadata', cost, withCost);
  writer.raw('}');
  return writer.finish();
}

function stringsProto(strings: readonly string[], cost: QueryCost): Uint8Array {
  const writer = new ProtoWriter(4096);
  for (const text of strings) writer.string(1, text);
  writeMetricsProto(writer, 2, 'metadata', cost);
  return writer.finish();
}
