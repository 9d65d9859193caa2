/** What the page shows, as it stands in the address. Reading it in a component subscribes. */
import { type ParamChanges, param, place } from '../app/router.ts';
import { type Sort, Sorts } from './sorts.ts';

/** How many traces are asked for; the first unless more are wanted. */
export const Limits = [500, 2000, 10_000] as const;

export interface SearchState {
  readonly q: string;
  readonly sort: Sort;
  /** Attributes, as TraceQL writes them. */
  readonly columns: readonly string[];
  readonly limit: number;
  readonly live: boolean;
}

const columnsMax = 20;

export function readSearchState(): SearchState {
  const live = param('live') !== '';
  return {
    q: param('q'),
    // What comes in is the newest.
    sort: live ? 'start' : (Sorts.find((sort) => sort === param('sort')) ?? Sorts[0]),
    columns: [...new Set(place.value.params.getAll('col'))].filter((column) => column !== '').slice(0, columnsMax),
    limit: Limits.find((limit) => String(limit) === param('limit')) ?? Limits[0],
    live,
  };
}

/** Parameters for `setParams` and `href`. */
export function searchParams({ q, sort, columns, limit, live }: Partial<SearchState>): ParamChanges {
  return {
    ...(q !== undefined && { q: q.trim() }),
    ...(sort !== undefined && { sort: sort === Sorts[0] ? undefined : sort }),
    ...(columns !== undefined && { col: columns }),
    ...(limit !== undefined && { limit: limit === Limits[0] ? undefined : String(limit) }),
    ...(live !== undefined && { live: live ? '1' : undefined }),
  };
}
