/** Words shared by everything that handles columns of traces. Browser-safe. */

/** Types a column can have. `any` holds arrays, maps, bytes and empty values as OTLP AnyValue protobuf. */
export type ValueType = 'string' | 'int' | 'double' | 'bool' | 'any';

/** Where attributes live. `resource` and `instrumentation` columns have a value per resource row. */
export type ColumnScope = 'span' | 'resource' | 'instrumentation' | 'event' | 'link';

/** Codes of a column: 0 = the row has no value, otherwise 1 + index into the dictionary. As narrow as the values allow. */
export type CodeArray = Uint8Array | Uint16Array | Uint32Array;

/** Rarely set OTLP fields of spans, events, links and resource rows; the keys are `FieldKeys` of `span-table.ts`. */
export type FieldScope = 'spanField' | 'eventField' | 'linkField' | 'resourceField';

/** Scope of a column: an attribute scope, or rarely set OTLP fields. */
export type TableColumnScope = ColumnScope | FieldScope;
