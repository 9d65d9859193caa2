import { signal } from '@preact/signals';

/** The node that the pointer or the focus is on, in the graph or in the table: it and its calls stand out. */
export const pointedAt = signal<string | undefined>(undefined);
