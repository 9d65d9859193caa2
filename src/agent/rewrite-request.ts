/**
 * Adds attributes to the resources of an OTLP ExportTraceServiceRequest by moving bytes: spans are stepped over, never
 * decoded. What is read are the tags and lengths down to the spans, which are counted, and the attributes of resources.
 *
 *   ExportTraceServiceRequest   1 ResourceSpans *
 *   ResourceSpans               1 Resource, 2 ScopeSpans *, 3 schema_url
 *   Resource                    1 KeyValue *, 2 dropped_attributes_count
 *   ScopeSpans                  1 InstrumentationScope, 2 Span *
 *
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
import { ProtoReader, WireType } from '../base/protobuf.ts';
import type { AddedAttribute } from './attributes.ts';

/** One ResourceSpans of a request. */
export interface ResourceSpansPiece {
  /** Attributes of the resource that are strings; others are undefined. */
  readonly attributes: ReadonlyMap<string, string | undefined>;
  readonly spanCount: number;
  /** The Resource: its attributes, and whatever else it holds, as whole fields. */
  readonly attributeFields: readonly { readonly key: string; readonly field: Uint8Array }[];
  readonly otherResourceFields: readonly Uint8Array[];
  /** The fields of the ResourceSpans but the Resource, in their order. */
  readonly rest: readonly Uint8Array[];
}

/** Pieces are views of `request`. @throws RubatoError `invalid_protobuf` */
export function splitRequest(request: Uint8Array): ResourceSpansPiece[] {
  const pieces: ResourceSpansPiece[] = [];
  const reader = new ProtoReader(request);
  while (reader.next()) {
    if (reader.field === 1) pieces.push(readResourceSpans(reader.bytes()));
    else reader.skip();
  }
  return pieces;
}

/** How many spans a request holds. @throws RubatoError `invalid_protobuf` */
export function countRequestSpans(request: Uint8Array): number {
  let count = 0;
  const reader = new ProtoReader(request);
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const resourceSpans = reader.message();
    while (resourceSpans.next()) {
      if (resourceSpans.field === 2) count += countSpans(resourceSpans.message());
      else resourceSpans.skip();
    }
  }
  return count;
}

/** A ResourceSpans as field 1 of a request, in parts. Attributes that are there win unless `override`. */
export function writeResourceSpans(
  piece: ResourceSpansPiece,
  added: readonly AddedAttribute[],
  override: boolean,
  parts: Uint8Array[],
): void {
  const resource: Uint8Array[] = [...piece.otherResourceFields];
  const addedKeys = override ? new Set(added.map(({ key }) => key)) : undefined;
  for (const { key, field } of piece.attributeFields) if (addedKeys?.has(key) !== true) resource.push(field);
  for (const { key, field } of added) if (override || !piece.attributes.has(key)) resource.push(field);
  const resourceBytes = lengthOf(resource);
  const resourceHead = lengthDelimited(1, resourceBytes);
  const bodyBytes = resourceHead.length + resourceBytes + lengthOf(piece.rest);
  parts.push(lengthDelimited(1, bodyBytes), resourceHead, ...resource, ...piece.rest);
}

export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  return copyParts(parts, Buffer.allocUnsafeSlow(lengthOf(parts)));
}

/** Fills `target` with the parts, one behind the other. */
export function copyParts(parts: readonly Uint8Array[], target: Uint8Array): Uint8Array {
  let at = 0;
  for (const part of parts) {
    target.set(part, at);
    at += part.length;
  }
  return target;
}

function readResourceSpans(bytes: Uint8Array): ResourceSpansPiece {
  const attributes = new Map<string, string | undefined>();
  const attributeFields: { key: string; field: Uint8Array }[] = [];
  const otherResourceFields: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  let spanCount = 0;
  const reader = new ProtoReader(bytes);
  for (let start = 0; reader.next(); start = reader.position) {
    if (reader.field === 1) {
      // Several Resources are pieces of one.
      readResource(reader.bytes(), attributes, attributeFields, otherResourceFields);
      continue;
    }
    if (reader.field === 2) spanCount += countSpans(reader.message());
    else reader.skip();
    rest.push(bytes.subarray(start, reader.position));
  }
  return { attributes, spanCount, attributeFields, otherResourceFields, rest };
}

function readResource(
  bytes: Uint8Array,
  attributes: Map<string, string | undefined>,
  attributeFields: { key: string; field: Uint8Array }[],
  others: Uint8Array[],
): void {
  const reader = new ProtoReader(bytes);
  for (let start = 0; reader.next(); start = reader.position) {
    if (reader.field !== 1) {
      reader.skip();
      others.push(bytes.subarray(start, reader.position));
      continue;
    }
    const { key, value } = readKeyValue(reader.message());
    // The first of two with one name is the one that other readers show.
    if (!attributes.has(key)) attributes.set(key, value);
    attributeFields.push({ key, field: bytes.subarray(start, reader.position) });
  }
}

function readKeyValue(reader: ProtoReader): { key: string; value: string | undefined } {
  let key = '';
  let value: string | undefined;
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) {
      const any = reader.message();
      while (any.next()) {
        if (any.field === 1) value = any.string();
        else any.skip();
      }
    } else reader.skip();
  }
  return { key, value };
}

function countSpans(scopeSpans: ProtoReader): number {
  let count = 0;
  while (scopeSpans.next()) {
    // A span under another wire type is damage that the server would refuse later, when nobody can be told.
    if (scopeSpans.field === 2) {
      scopeSpans.bytes();
      count++;
    } else scopeSpans.skip();
  }
  return count;
}

export function lengthOf(parts: readonly Uint8Array[]): number {
  let total = 0;
  for (const part of parts) total += part.length;
  return total;
}

function lengthDelimited(field: number, length: number): Uint8Array {
  const head: number[] = [field * 8 + WireType.bytes];
  let rest = length;
  while (rest > 127) {
    head.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  head.push(rest);
  return Uint8Array.from(head);
}
