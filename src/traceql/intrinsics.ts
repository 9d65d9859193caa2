/** Names and types of the values every span has, beside its attributes. */
import { type Intrinsic, Intrinsics, type StaticType } from './ast.ts';

/** `attribute`: known only for each span. */
export type ExpressionType = StaticType | 'attribute';

/** Forms without a scope, beside the names in {@link Intrinsics} that have none anyway. */
export const intrinsicAliases: ReadonlyMap<string, Intrinsic> = new Map<string, Intrinsic>([
  ['duration', 'span:duration'],
  ['name', 'span:name'],
  ['status', 'span:status'],
  ['statusMessage', 'span:statusMessage'],
  ['kind', 'span:kind'],
  ['traceDuration', 'trace:duration'],
  ['rootName', 'trace:rootName'],
  ['rootServiceName', 'trace:rootService'],
  ['nestedSetLeft', 'nestedSetLeft'],
  ['nestedSetRight', 'nestedSetRight'],
  ['nestedSetParent', 'nestedSetParent'],
  ['parent', 'parent'],
]);

export const IntrinsicScopes = ['span', 'trace', 'event', 'link', 'instrumentation'] as const;
export type IntrinsicScope = (typeof IntrinsicScopes)[number];

/** What may stand behind `span:`, `trace:` …, without the scope. */
export const scopedIntrinsics: ReadonlyMap<IntrinsicScope, readonly string[]> = new Map(
  IntrinsicScopes.map((scope) => [
    scope,
    Intrinsics.filter((name) => name.startsWith(`${scope}:`)).map((name) => name.slice(scope.length + 1)),
  ]),
);

/** Canonical name → itself, to find out whether a text is one. */
export const intrinsicNames: ReadonlyMap<string, Intrinsic> = new Map(Intrinsics.map((name) => [name, name]));

/**
 * Types the checker relies on. Instrumentation name and version are strings, but Tempo does not check them, and queries
 * that compare them with something else are accepted and find nothing.
 */
export const intrinsicTypes: Readonly<Record<Intrinsic, ExpressionType>> = {
  'span:duration': 'duration',
  'span:name': 'string',
  'span:status': 'status',
  'span:statusMessage': 'string',
  'span:kind': 'kind',
  'span:id': 'string',
  'span:parentID': 'string',
  'span:childCount': 'int',
  'trace:duration': 'duration',
  'trace:rootName': 'string',
  'trace:rootService': 'string',
  'trace:id': 'string',
  'event:name': 'string',
  'event:timeSinceStart': 'duration',
  'link:traceID': 'string',
  'link:spanID': 'string',
  'instrumentation:name': 'attribute',
  'instrumentation:version': 'attribute',
  nestedSetLeft: 'int',
  nestedSetRight: 'int',
  nestedSetParent: 'int',
  parent: 'nil',
};
