export interface Sort {
  readonly key: string;
  readonly descending: boolean;
}

/** The other direction of the same column, or the natural one of another: names up, numbers down. */
export function nextSort(sort: Sort, key: string, isText: boolean): Sort {
  return sort.key === key ? { key, descending: !sort.descending } : { key, descending: !isText };
}

export function sortRows<Row>(
  rows: readonly Row[],
  value: (row: Row) => number | string,
  descending: boolean,
): readonly Row[] {
  const sign = descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (typeof x === 'number' && typeof y === 'number') return sign * (x - y);
    return sign * String(x).localeCompare(String(y));
  });
}
