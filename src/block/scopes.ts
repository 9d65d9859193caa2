/** Which table of a block the columns of a scope belong to, and which fields have a place of their own in the port. */
import type { TableColumnScope } from '../model/columns.ts';
import type { FieldKeys } from '../model/span-table.ts';

/** Field columns with a place of their own in the port; `columns()` does not list them. */
export const portFields: Readonly<Record<keyof typeof FieldKeys, readonly string[]>> = {
  spanField: ['name', 'statusMessage'],
  eventField: ['name'],
  linkField: [],
  resourceField: ['scopeName', 'scopeVersion'],
};

export type RowTable = 'spans' | 'events' | 'links' | 'resources';

export const tableOfScope: Readonly<Record<TableColumnScope, RowTable>> = {
  span: 'spans',
  spanField: 'spans',
  event: 'events',
  eventField: 'events',
  link: 'links',
  linkField: 'links',
  resource: 'resources',
  instrumentation: 'resources',
  resourceField: 'resources',
};

export const isPortField = (scope: TableColumnScope | 'fixed', key: string): boolean =>
  Object.hasOwn(portFields, scope) && portFields[scope as keyof typeof portFields].includes(key);

export const allScopes = Object.keys(tableOfScope) as readonly TableColumnScope[];
