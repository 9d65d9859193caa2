/** Queries that the browser keeps: those that were named, and the last ones that were run. */
import { signal } from '@preact/signals';
import { recall, remember } from '../base/memory.ts';
import { type Sort, Sorts } from './sorts.ts';

export interface SavedQuery {
  readonly name: string;
  readonly q: string;
  readonly columns: readonly string[];
  readonly sort: Sort;
}

export interface RecentQuery {
  readonly q: string;
  readonly atMs: number;
}

const recentMax = 30;

export const savedQueries = signal(list(recall('search.saved', []), readSaved));
export const recentQueries = signal(list(recall('search.recent', []), readRecent));

/** A name stands for one query: the last that was given it. */
export function saveQuery(query: SavedQuery): void {
  const others = savedQueries.peek().filter(({ name }) => name !== query.name);
  set([...others, query].sort((a, b) => (a.name < b.name ? -1 : 1)));
}

export function forgetQuery(name: string): void {
  set(savedQueries.peek().filter((query) => query.name !== name));
}

function set(queries: readonly SavedQuery[]): void {
  savedQueries.value = queries;
  remember('search.saved', queries);
}

export function noteRecent(q: string, nowMs: number): void {
  const text = q.trim();
  if (text === '') return;
  recentQueries.value = withRecent(recentQueries.peek(), { q: text, atMs: nowMs });
  remember('search.recent', recentQueries.peek());
}

/** The newest first, each once. */
export function withRecent(old: readonly RecentQuery[], added: RecentQuery): readonly RecentQuery[] {
  return [added, ...old.filter(({ q }) => q !== added.q)].slice(0, recentMax);
}

// Other versions of the page, and people, write to the browser's storage too.

function list<Item>(kept: unknown, read: (item: unknown) => Item | undefined): readonly Item[] {
  return Array.isArray(kept) ? kept.flatMap((item) => read(item) ?? []) : [];
}

export function readSaved(item: unknown): SavedQuery | undefined {
  const { name, q, columns, sort } = Object(item) as Partial<Record<keyof SavedQuery, unknown>>;
  if (typeof name !== 'string' || typeof q !== 'string') return undefined;
  return {
    name,
    q,
    columns: Array.isArray(columns) ? columns.filter((column) => typeof column === 'string') : [],
    sort: Sorts.find((each) => each === sort) ?? Sorts[0],
  };
}

export function readRecent(item: unknown): RecentQuery | undefined {
  const { q, atMs } = Object(item) as Partial<Record<keyof RecentQuery, unknown>>;
  return typeof q === 'string' && typeof atMs === 'number' ? { q, atMs } : undefined;
}
