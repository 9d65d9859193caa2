/** The places of the app: what stands in the bar, which chunk shows it. */
import type { ComponentType } from 'preact';

export interface Page {
  readonly name: string;
  /** Where a link to it leads. */
  readonly href: string;
  /** In the bar. */
  readonly listed: boolean;
  /** Second key after `g`. */
  readonly key?: string;
  /** The rest of the path, decoded, when the page shows this path. */
  match(path: string): string | undefined;
  load(): Promise<{ readonly default: ComponentType<PageProps> }>;
}

export interface PageProps {
  /** The variable part of the path: the trace id. */
  readonly part: string;
}

const exact =
  (...paths: readonly string[]) =>
  (path: string): string | undefined =>
    paths.includes(path) ? '' : undefined;

export const pages: readonly Page[] = [
  {
    name: 'Search',
    href: '/search',
    listed: true,
    key: 's',
    match: exact('/', '/search'),
    load: () => import('../search/page.tsx'),
  },
  {
    name: 'Explore',
    href: '/explore',
    listed: true,
    key: 'e',
    match: exact('/explore'),
    load: () => import('../explore/page.tsx'),
  },
  {
    name: 'Services',
    href: '/services',
    listed: true,
    key: 'v',
    match: exact('/services'),
    load: () => import('../services/page.tsx'),
  },
  {
    name: 'Status',
    href: '/status',
    listed: true,
    key: 't',
    match: exact('/status'),
    load: () => import('../status/page.tsx'),
  },
  {
    name: 'Set-up',
    href: '/setup',
    listed: false,
    match: exact('/setup'),
    load: () => import('../setup/page.tsx'),
  },
  {
    name: 'Trace',
    href: '/trace',
    listed: false,
    match: (path) => /^\/trace(?:\/([0-9a-fA-F]*))?$/.exec(path)?.map((part) => part ?? '')[1],
    load: () => import('../trace/page.tsx'),
  },
];

export function pageAt(path: string): { readonly page: Page; readonly part: string } | undefined {
  for (const page of pages) {
    const part = page.match(path);
    if (part !== undefined) return { page, part };
  }
  return undefined;
}
