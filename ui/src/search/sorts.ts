/** Orders of the results; the server sorts. */
export const Sorts = ['start', 'duration', 'spans', 'errors'] as const;
export type Sort = (typeof Sorts)[number];
