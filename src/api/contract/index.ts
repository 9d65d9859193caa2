/** JSON answers of the query API as types, for the web UI and other clients in TypeScript. No code that runs on import. */
export type * from './common.ts';
export type * from './metrics.ts';
export type * from './search.ts';
export type * from './service-graph.ts';
export type * from './status.ts';
export type * from './tags.ts';
export * from './trace.ts';
export type * from './trace-view.ts';
