/** What the name of a tag stands for. */
import type { AttributeRef, Intrinsic } from '../../traceql/ast.ts';
import type { TagValue } from './value-set.ts';

/** Intrinsics in the list of tag names. */
export const intrinsicTags: readonly string[] = [
  'duration',
  'event:name',
  'event:timeSinceStart',
  'instrumentation:name',
  'instrumentation:version',
  'kind',
  'link:spanID',
  'link:traceID',
  'name',
  'rootName',
  'rootServiceName',
  'span:duration',
  'span:id',
  'span:kind',
  'span:name',
  'span:parentID',
  'span:status',
  'span:statusMessage',
  'status',
  'statusMessage',
  'trace:duration',
  'trace:id',
  'trace:rootName',
  'trace:rootService',
  'traceDuration',
];

/** Values that are the same whatever is stored, or an attribute whose values are. */
export type Tag = { readonly values: readonly TagValue[] } | { readonly ref: AttributeRef };

const keywords = (...names: string[]): Tag => ({ values: names.map((value) => ({ type: 'keyword', value })) });
const strings = (...names: string[]): Tag => ({ values: names.map((value) => ({ type: 'string', value })) });
const none: Tag = { values: [] };

const noPosition = { offset: 0, line: 1, column: 1 };
const intrinsic = (name: Intrinsic): AttributeRef => ({
  kind: 'intrinsic',
  intrinsic: name,
  text: name,
  pos: noPosition,
});

/** Intrinsics whose values are listed; those of durations, ids and places in the tree would be as many as spans. */
const listed: ReadonlySet<Intrinsic> = new Set([
  'span:name',
  'span:statusMessage',
  'span:childCount',
  'trace:rootName',
  'trace:rootService',
  'event:name',
  'instrumentation:name',
  'instrumentation:version',
]);

/** Names that the plain (version 1) form gives a meaning of their own. All others are attributes of spans or resources. */
const plainNames: ReadonlyMap<string, Tag> = new Map([
  ['name', { ref: intrinsic('span:name') }],
  ['root.name', { ref: intrinsic('trace:rootName') }],
  ['rootName', { ref: intrinsic('trace:rootName') }],
  ['root.service.name', { ref: intrinsic('trace:rootService') }],
  ['rootServiceName', { ref: intrinsic('trace:rootService') }],
  ['status.code', strings('error', 'ok', 'unset')],
  ['error', strings('true')],
  ['trace:id', none],
  ['span:id', none],
]);

export function tagOf(tag: AttributeRef | string): Tag {
  if (typeof tag === 'string') {
    const attribute = { kind: 'attribute', scope: 'none', parent: false, name: tag, pos: noPosition } as const;
    return plainNames.get(tag) ?? { ref: attribute };
  }
  if (tag.kind === 'attribute') return tag.parent ? none : { ref: tag };
  if (tag.intrinsic === 'span:status') return keywords('error', 'ok', 'unset');
  if (tag.intrinsic === 'span:kind') {
    return keywords('client', 'consumer', 'internal', 'producer', 'server', 'unspecified');
  }
  return listed.has(tag.intrinsic) ? { ref: tag } : none;
}
