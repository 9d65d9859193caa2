/**
 * (Resource, InstrumentationScope) pairs of requests to resource rows of the table. A collector sends the same few pairs
 * again and again, so both are known by their raw bytes and only read when they are new.
 */
import { ProtoWriter } from '../../base/protobuf.ts';
import { FieldKeys, type SpanTable } from '../../model/span-table.ts';
import { AttributeReader } from './attribute-reader.ts';
import { ByteInterner } from './byte-interner.ts';
import { refuseField, type WireInput } from './wire-input.ts';

/** Which bytes of the input make a Resource or an InstrumentationScope, with the schema URL that stands beside it. */
export class EntityRanges {
  /** Pairs of start and end; a message that comes several times is merged, which for protobuf means one after the other. */
  readonly pieces: number[] = [];
  schemaUrlStart = 0;
  schemaUrlEnd = 0;

  clear(): void {
    this.pieces.length = 0;
    this.schemaUrlStart = 0;
    this.schemaUrlEnd = 0;
  }
}

interface Entity {
  readonly valueIds: readonly number[];
  readonly truncated: number;
}

/** Room for the second of two numbers that are a key together. */
const pairFactor = 0x400_0000;

/** What is known of all Resources, or of all InstrumentationScopes, by their bytes. */
class Entities {
  readonly #messages = new ByteInterner();
  readonly #schemaUrls = new ByteInterner();
  /** Message number * 2^26 + number of the schema URL (0 = none) → number of the entity. */
  readonly #numbers = new Map<number, number>();
  readonly #entities: Entity[] = [];

  /** Number of an entity, which `read` reads when it is new. */
  numberOf(input: WireInput, ranges: EntityRanges, read: (ranges: EntityRanges) => Entity): number {
    const { pieces, schemaUrlStart, schemaUrlEnd } = ranges;
    let view = input.view;
    let start = pieces[0] ?? 0;
    let length = pieces.length === 0 ? 0 : pieces[1]! - start;
    if (pieces.length > 2) {
      const merged = new ProtoWriter();
      for (let i = 0; i < pieces.length; i += 2) merged.raw(input.bytes.subarray(pieces[i], pieces[i + 1]));
      view = new DataView(merged.finish().buffer);
      start = 0;
      length = view.byteLength;
    }
    const message = this.#messages.intern(view, start, length);
    const schemaUrlLength = schemaUrlEnd - schemaUrlStart;
    const schemaUrl =
      schemaUrlLength === 0 ? 0 : 1 + this.#schemaUrls.intern(input.view, schemaUrlStart, schemaUrlLength);
    const pair = message * pairFactor + schemaUrl;
    let number = this.#numbers.get(pair);
    if (number === undefined) {
      number = this.#entities.push(read(ranges)) - 1;
      this.#numbers.set(pair, number);
    }
    return number;
  }

  get(number: number): Entity {
    return this.#entities[number]!;
  }
}

export class ResourceCache {
  readonly #table: SpanTable;
  readonly #input: WireInput;
  readonly #resourceAttributes: AttributeReader;
  readonly #scopeAttributes: AttributeReader;
  readonly #readResourceRanges = (ranges: EntityRanges): Entity => this.#readResource(ranges);
  readonly #readScopeRanges = (ranges: EntityRanges): Entity => this.#readScope(ranges);
  readonly #fields = new Map<string, number>();
  #resources = new Entities();
  #scopes = new Entities();
  /** resource number * 2^26 + scope number → row. */
  #rows = new Map<number, number>();

  constructor(table: SpanTable, input: WireInput) {
    this.#table = table;
    this.#input = input;
    this.#resourceAttributes = new AttributeReader(table, input, 'resource');
    this.#scopeAttributes = new AttributeReader(table, input, 'instrumentation');
    for (const [key, type] of Object.entries(FieldKeys.resourceField))
      this.#fields.set(key, table.column('resourceField', key, type));
  }

  /** Longest key and string value in bytes from here on. What was read under another limit is read anew. */
  limit(maxBytes: number): void {
    if (maxBytes === this.#resourceAttributes.maxBytes) return;
    this.#resourceAttributes.maxBytes = maxBytes;
    this.#scopeAttributes.maxBytes = maxBytes;
    this.#resources = new Entities();
    this.#scopes = new Entities();
    this.#rows = new Map();
  }

  /** Forgets what a failed reading left behind. */
  abandon(): void {
    this.#resourceAttributes.abandon();
    this.#scopeAttributes.abandon();
  }

  /** Number of a Resource; its attributes are read when it is new. */
  resource(ranges: EntityRanges): number {
    return this.#resources.numberOf(this.#input, ranges, this.#readResourceRanges);
  }

  /** Number of an InstrumentationScope. */
  scope(ranges: EntityRanges): number {
    return this.#scopes.numberOf(this.#input, ranges, this.#readScopeRanges);
  }

  /** Attributes that were cut in it. */
  resourceTruncated(resource: number): number {
    return this.#resources.get(resource).truncated;
  }

  scopeTruncated(scope: number): number {
    return this.#scopes.get(scope).truncated;
  }

  /** The table's resource row of the pair. */
  row(resource: number, scope: number): number {
    const pair = resource * pairFactor + scope;
    let row = this.#rows.get(pair);
    if (row === undefined) {
      row = this.#table.addResource([...this.#resources.get(resource).valueIds, ...this.#scopes.get(scope).valueIds]);
      this.#rows.set(pair, row);
    }
    return row;
  }

  #readResource(ranges: EntityRanges): Entity {
    const input = this.#input;
    const attributes = this.#resourceAttributes;
    const truncatedBefore = attributes.truncated;
    const valueIds: number[] = [];
    const entityRefs = new ProtoWriter();
    let dropped = 0;
    attributes.begin();
    for (let i = 0; i < ranges.pieces.length; i += 2) {
      const end = ranges.pieces[i + 1]!;
      for (let pos = ranges.pieces[i]!; pos < end; ) {
        const tag = input.tag(pos, end);
        const next = input.skip(tag, input.pos, end);
        if (tag === 0x0a) {
          const id = attributes.read(input.pos, next);
          if (id !== 0) valueIds.push(id);
        } else if (tag === 0x10) dropped = input.low >>> 0;
        else if (tag === 0x1a) {
          const ref = input.bytes.subarray(input.pos, next);
          checkEntityRef(input, input.pos, next);
          entityRefs.message(1, (value) => value.bytes(7, ref));
        }
        pos = next;
      }
    }
    this.#pushText(valueIds, 'resourceSchemaUrl', ranges.schemaUrlStart, ranges.schemaUrlEnd);
    this.#pushCount(valueIds, 'resourceDroppedAttributesCount', dropped);
    if (entityRefs.length > 0) {
      const any = new ProtoWriter();
      any.bytes(5, entityRefs.peek());
      this.#pushBytes(valueIds, 'entityRefs', any.peek());
    }
    this.#pushBytes(valueIds, 'resourceDuplicateAttributes', attributes.takeDuplicates());
    return { valueIds, truncated: attributes.truncated - truncatedBefore };
  }

  #readScope(ranges: EntityRanges): Entity {
    const input = this.#input;
    const attributes = this.#scopeAttributes;
    const truncatedBefore = attributes.truncated;
    const valueIds: number[] = [];
    let nameStart = 0;
    let nameEnd = 0;
    let versionStart = 0;
    let versionEnd = 0;
    let dropped = 0;
    attributes.begin();
    for (let i = 0; i < ranges.pieces.length; i += 2) {
      const end = ranges.pieces[i + 1]!;
      for (let pos = ranges.pieces[i]!; pos < end; ) {
        const tag = input.tag(pos, end);
        const next = input.skip(tag, input.pos, end);
        if (tag === 0x0a) {
          nameStart = input.pos;
          nameEnd = next;
        } else if (tag === 0x12) {
          versionStart = input.pos;
          versionEnd = next;
        } else if (tag === 0x1a) {
          const id = attributes.read(input.pos, next);
          if (id !== 0) valueIds.push(id);
        } else if (tag === 0x20) dropped = input.low >>> 0;
        pos = next;
      }
    }
    this.#pushText(valueIds, 'scopeName', nameStart, nameEnd);
    this.#pushText(valueIds, 'scopeVersion', versionStart, versionEnd);
    this.#pushText(valueIds, 'scopeSchemaUrl', ranges.schemaUrlStart, ranges.schemaUrlEnd);
    this.#pushCount(valueIds, 'scopeDroppedAttributesCount', dropped);
    this.#pushBytes(valueIds, 'scopeDuplicateAttributes', attributes.takeDuplicates());
    return { valueIds, truncated: attributes.truncated - truncatedBefore };
  }

  #pushText(valueIds: number[], field: keyof typeof FieldKeys.resourceField, start: number, end: number): void {
    if (end > start) valueIds.push(this.#table.valueAt(this.#fields.get(field)!, this.#input.view, start, end - start));
  }

  #pushCount(valueIds: number[], field: keyof typeof FieldKeys.resourceField, count: number): void {
    if (count > 0) valueIds.push(this.#table.valueWords(this.#fields.get(field)!, count, 0));
  }

  #pushBytes(valueIds: number[], field: keyof typeof FieldKeys.resourceField, bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) valueIds.push(this.#table.value(this.#fields.get(field)!, bytes, 0, bytes.length));
  }
}

/** EntityRef messages are stored as they came, so that readers may rely on sound ones. */
function checkEntityRef(input: WireInput, start: number, end: number): void {
  for (let pos = start; pos < end; ) {
    const tag = input.tag(pos, end);
    const next = input.skip(tag, input.pos, end);
    if ((tag & 7) !== 2) refuseField(tag, 4, pos);
    pos = next;
  }
}
