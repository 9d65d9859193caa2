/** Shows the page of the address; its code is loaded when it is first needed. */
import { signal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { EmptyState } from '../components/empty-state.tsx';
import { ErrorState } from '../components/error-state.tsx';
import { type Page, type PageProps, pageAt } from './pages.ts';
import { href, path } from './router.ts';

type Loaded = { readonly view: ComponentType<PageProps> } | { readonly error: unknown };
const loaded = signal<ReadonlyMap<Page, Loaded>>(new Map());
const loading = new Set<Page>();

function load(page: Page): void {
  if (loading.has(page)) return;
  loading.add(page);
  const settle = (result: Loaded): void => {
    loading.delete(page);
    loaded.value = new Map(loaded.value).set(page, result);
  };
  page.load().then(
    (module) => settle({ view: module.default }),
    (error) => settle({ error }),
  );
}

export function PageOutlet() {
  const found = pageAt(path.value);
  useSignalEffect(() => {
    const now = pageAt(path.value);
    document.title = now === undefined ? 'Not found · Rubato' : `${now.page.name} · Rubato`;
    if (now !== undefined && !loaded.value.has(now.page)) load(now.page);
  });
  if (found === undefined) {
    return (
      <EmptyState title="There is no such page">
        <a href={href('/search')}>Search traces</a>
      </EmptyState>
    );
  }
  const state = loaded.value.get(found.page);
  if (state === undefined) return <div class="page-loading" aria-busy="true" />;
  // A new version of the server has other chunks: the page must be loaded again.
  if ('error' in state) return <ErrorState error={state.error} retry={() => location.reload()} />;
  const View = state.view;
  return <View part={found.part} />;
}
