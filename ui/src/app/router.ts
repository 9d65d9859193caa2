/**
 * Where the user is, as one signal over the address: path and search parameters. Everything that a page shows follows
 * from it, so Back works and every address can be sent to somebody. `from`, `to` and `tenant` belong to all pages and are
 * carried along by links inside the app.
 */
import { computed, signal } from '@preact/signals';

export interface Place {
  readonly path: string;
  readonly params: URLSearchParams;
}

export type ParamChanges = Readonly<Record<string, string | readonly string[] | undefined>>;

const here = (): Place => ({ path: decodePath(location.pathname), params: new URLSearchParams(location.search) });
const current = signal<Place>(here());

export const place = computed(() => current.value);
export const path = computed(() => current.value.path);
/** One parameter; empty when it is not there. Reading it subscribes. */
export const param = (name: string): string => current.value.params.get(name) ?? '';

const sharedParams = ['from', 'to', 'tenant'];

/** Address of a place in the app, with the time range and tenant of this one. */
export function href(toPath: string, changes: ParamChanges = {}): string {
  const params = new URLSearchParams();
  for (const name of sharedParams) {
    const value = current.value.params.get(name);
    if (value !== null) params.set(name, value);
  }
  apply(params, changes);
  return addressOf(toPath, params);
}

/** Goes to an address made by `href`. */
export function navigate(address: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace === true) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  current.value = here();
  if (options.replace !== true) scrollTo(0, 0);
}

/** Changes parameters of this place; `undefined` and '' take one away. */
export function setParams(changes: ParamChanges, options: { readonly replace?: boolean } = {}): void {
  const params = new URLSearchParams(current.value.params);
  apply(params, changes);
  const address = addressOf(location.pathname, params);
  if (address === location.pathname + location.search) return;
  navigateInPlace(address, options.replace === true);
}

function navigateInPlace(address: string, replace: boolean): void {
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  current.value = here();
}

function apply(params: URLSearchParams, changes: ParamChanges): void {
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    if (typeof value === 'string') {
      if (value !== '') params.set(name, value);
    } else for (const item of value ?? []) params.append(name, item);
  }
}

function addressOf(toPath: string, params: URLSearchParams): string {
  const search = params.toString();
  return search === '' ? toPath : `${toPath}?${search}`;
}

function decodePath(text: string): string {
  try {
    return decodeURI(text);
  } catch {
    return text;
  }
}

/** Takes over Back, Forward and clicks on links into the app; links elsewhere and with modifier keys stay the browser's. */
export function startRouter(belongsToApp: (path: string) => boolean): () => void {
  const onPop = (): void => {
    current.value = here();
  };
  const onClick = (event: MouseEvent): void => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.composedPath()[0] as Element | undefined)?.closest?.('a');
    if (!(link instanceof HTMLAnchorElement) || link.target !== '' || link.hasAttribute('download')) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !belongsToApp(url.pathname)) return;
    event.preventDefault();
    navigate(url.pathname + url.search);
  };
  addEventListener('popstate', onPop);
  addEventListener('click', onClick);
  return () => {
    removeEventListener('popstate', onPop);
    removeEventListener('click', onClick);
  };
}
