/**
 * Keys of the whole app. A page registers what it understands with `useKeys`; `?` lists what is registered. Keys are
 * written as `e`, `E`, `Escape`, `mod+k` (Ctrl or ⌘) or a sequence such as `g s`. Nothing fires while the user types in a
 * field, except chords with `mod`.
 */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

export interface KeyBinding {
  readonly keys: string;
  readonly does: string;
  /** Heading in the key map. */
  readonly group: string;
  /** Return false to let the browser have the key. */
  readonly run: (event: KeyboardEvent) => unknown;
}

export const bindings = signal<readonly KeyBinding[]>([]);

const sequenceMs = 900;
let pending = '';
let pendingUntilMs = 0;

export function registerKeys(added: readonly KeyBinding[]): () => void {
  bindings.value = [...bindings.value, ...added];
  return () => {
    bindings.value = bindings.value.filter((binding) => !added.includes(binding));
  };
}

/** Registers keys while the component is there. `run` may close over old state: pass what it depends on. */
export function useKeys(make: () => readonly KeyBinding[], dependencies: readonly unknown[] = []): void {
  useEffect(() => registerKeys(make()), dependencies as unknown[]);
}

export function keyOf(event: KeyboardEvent): string {
  const mod = event.ctrlKey || event.metaKey ? 'mod+' : '';
  const key = event.key === ' ' ? 'Space' : event.key;
  return mod + (mod !== '' && key.length === 1 ? key.toLowerCase() : key);
}

export function isTyping(event: Event): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey || event.isComposing) return;
  const key = keyOf(event);
  if (isTyping(event) && !key.startsWith('mod+')) return;
  // In a dialog only the dialog's own keys count.
  if (document.querySelector('dialog[open]') !== null && !key.startsWith('mod+')) return;
  const nowMs = performance.now();
  const sequence = pending !== '' && nowMs < pendingUntilMs ? `${pending} ${key}` : key;
  pending = '';
  // The last to register is the innermost.
  const found =
    bindings.value.findLast((binding) => binding.keys === sequence) ??
    bindings.value.findLast((binding) => binding.keys === key);
  if (found !== undefined) {
    if (found.run(event) !== false) event.preventDefault();
    return;
  }
  if (bindings.value.some((binding) => binding.keys.startsWith(`${key} `))) {
    pending = key;
    pendingUntilMs = nowMs + sequenceMs;
  }
}

addEventListener('keydown', onKeyDown);
