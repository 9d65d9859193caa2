import type { Query } from '../../traceql/ast.ts';
import type { TimeRange } from '../../traceql/result.ts';
import type { Column, ColumnScope, Fragment } from '../../traceql/storage.ts';
import { type Level, Reads } from '../expression/index.ts';
import { levelRequest, matchingSpans, type TagContext, visitLevelRows } from './matching.ts';

/** Scopes of attributes, in the order of answers. */
export const columnScopes = ['resource', 'span', 'event', 'link', 'instrumentation'] as const satisfies ColumnScope[];
export type NamesByScope = Map<(typeof columnScopes)[number], Set<string>>;

const levelOf = (scope: ColumnScope): Level => (scope === 'instrumentation' ? 'resource' : scope);

/** Adds the names of the scopes in `names`: of all columns, or of those that matching spans have values in. */
export async function collectNames(
  fragment: Fragment,
  range: TimeRange,
  filter: Query | undefined,
  names: NamesByScope,
  context: TagContext,
): Promise<void> {
  if (filter === undefined) {
    for (const [scope, found] of names) for (const { key } of fragment.columns(scope)) found.add(key);
    return;
  }
  const missing = new Map<Level, Column[]>();
  for (const [scope, found] of names) {
    const columns = fragment.columns(scope).filter(({ key }) => !found.has(key));
    if (columns.length > 0) missing.set(levelOf(scope), [...(missing.get(levelOf(scope)) ?? []), ...columns]);
  }
  if (missing.size === 0) return;
  const reads = new Reads();
  for (const [level, columns] of missing) reads.add(levelRequest(level)).add({ fixed: [], columns });
  for await (const matches of matchingSpans(fragment, range, filter, reads.request(), context)) {
    for (const [level, columns] of missing) {
      const left = columns.filter((column) => {
        let found = false;
        visitLevelRows(fragment, level, matches, (row) => {
          found = column.codes[row] !== 0;
          return !found;
        });
        if (found) names.get(column.scope as (typeof columnScopes)[number])!.add(column.key);
        return !found;
      });
      if (left.length > 0) missing.set(level, left);
      else missing.delete(level);
    }
    if (missing.size === 0) return;
  }
}
