import { signal } from '@preact/signals';

/** The trace under the pointer in the results; the timeline shows which dot it is. */
export const pointedTrace = signal<string | undefined>(undefined);
