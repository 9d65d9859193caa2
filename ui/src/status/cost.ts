/** What the requests and bytes of an object store cost a month. */

/** Dollars. Stores charge by the thousand requests, of two classes, and by the gigabyte and month. */
export interface Prices {
  readonly writes: number;
  readonly reads: number;
  readonly storage: number;
}

/** S3 Standard in us-east-1, as listed in 2025. */
export const defaultPrices: Prices = { writes: 0.005, reads: 0.0004, storage: 0.023 };

export interface Usage {
  /** PUT, LIST and the like, a second. */
  readonly writesPerSecond: number;
  readonly readsPerSecond: number;
  readonly storedBytes: number;
}

export interface Cost {
  readonly writes: number;
  readonly reads: number;
  readonly storage: number;
  readonly total: number;
}

/** 30 days. */
const secondsPerMonth = 2_592_000;

export function monthlyCost({ writesPerSecond, readsPerSecond, storedBytes }: Usage, prices: Prices): Cost {
  const writes = (writesPerSecond * secondsPerMonth * prices.writes) / 1000;
  const reads = (readsPerSecond * secondsPerMonth * prices.reads) / 1000;
  const storage = (storedBytes / 1e9) * prices.storage;
  return { writes, reads, storage, total: writes + reads + storage };
}

/** Operations that are charged as reads; deleting is free. */
export const classOf = (operation: string): keyof Prices | 'free' =>
  operation === 'GET' || operation === 'HEAD' ? 'reads' : operation === 'DELETE' ? 'free' : 'writes';

export function formatDollars(value: number): string {
  if (value !== 0 && value < 0.01) return '< $0.01';
  return `$${value.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}
