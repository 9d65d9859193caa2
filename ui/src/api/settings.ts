/** What the server is configured with, asked for once. */
import { signal } from '@preact/signals';
import type { UiSettings } from '../../../src/api/contract/index.ts';
import { getJson } from './client.ts';

export const uiSettings = signal<UiSettings>({ spanLinks: [], receivers: [], multitenancy: false });

/** Pages do without when it cannot be had. */
export async function loadUiSettings(): Promise<void> {
  try {
    uiSettings.value = await getJson<UiSettings>('/api/ui/settings');
  } catch {
    // What needs it says so itself.
  }
}
