/** Text that is equal exactly for equal syntax, wherever it stood in the query. */
export function canonical(syntax: unknown): string {
  return JSON.stringify(syntax, (key, value: unknown) =>
    key === 'pos' ? undefined : typeof value === 'bigint' ? `${value}n` : value,
  );
}
