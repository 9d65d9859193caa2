/** Dark or light: the user's choice if there is one, else the system's. `public/theme.js` does the same before paint. */
import { signal } from '@preact/signals';

export type Theme = 'dark' | 'light';

const root = document.documentElement;

export const theme = signal<Theme>(root.dataset['theme'] === 'light' ? 'light' : 'dark');

function set(next: Theme): void {
  root.dataset['theme'] = next;
  theme.value = next;
}

export function toggleTheme(): void {
  set(theme.peek() === 'dark' ? 'light' : 'dark');
  try {
    localStorage.setItem('rubato.theme', theme.peek());
  } catch {
    // It holds until the page is loaded again.
  }
}

/** A colour token's value for canvas: `token('--accent')`. Reading it in a component subscribes to the theme. */
export function token(name: `--${string}`): string {
  void theme.value;
  return getComputedStyle(root).getPropertyValue(name).trim();
}

matchMedia('(prefers-color-scheme: light)').addEventListener('change', ({ matches }) => {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem('rubato.theme');
  } catch {
    // As if nothing were chosen.
  }
  if (chosen === null) set(matches ? 'light' : 'dark');
});
