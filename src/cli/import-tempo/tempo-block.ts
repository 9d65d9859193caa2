/**
 * Blocks in a store of Tempo: `<tenant>/<uuid>/meta.json` beside `data.parquet`. A block that was compacted away has
 * `meta.compacted.json` instead, so that its spans are in another one.
 */
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';

export interface DedicatedColumn {
  readonly scope: 'resource' | 'span' | 'event';
  readonly type: 'string' | 'int';
  /** Key of the attribute that stands in the column. */
  readonly key: string;
  /** Of its type and scope; the columns are String01, String02, …, Int01, … */
  readonly number: number;
}

export interface TempoBlock {
  readonly tenant: string;
  readonly id: string;
  readonly format: string;
  /** Traces. */
  readonly objectCount: number;
  readonly sizeBytes: number;
  readonly dedicatedColumns: readonly DedicatedColumn[];
}

/** What `meta.json` has of interest; names of dedicated columns are cut to a letter. */
interface MetaJson {
  readonly format?: unknown;
  readonly blockID?: unknown;
  readonly tenantID?: unknown;
  readonly totalObjects?: unknown;
  readonly size?: unknown;
  readonly dedicatedColumns?: readonly { readonly s?: unknown; readonly n?: unknown; readonly t?: unknown }[];
}

const metaKey = /^([^/]+)\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/meta\.json$/;

export const dataKey = ({ tenant, id }: TempoBlock): string => `${tenant}/${id}/data.parquet`;

/** @param onlyTenant undefined: all @throws RubatoError corrupt: a meta that is no meta, naming it */
export async function listTempoBlocks(store: ObjectStore, onlyTenant: string | undefined): Promise<TempoBlock[]> {
  const blocks: TempoBlock[] = [];
  for await (const { key } of store.list(onlyTenant === undefined ? '' : `${onlyTenant}/`)) {
    const [, tenant, id] = metaKey.exec(key) ?? [];
    if (tenant === undefined || id === undefined) continue;
    blocks.push(readMeta(key, tenant, id, Buffer.from(await store.get(key)).toString()));
  }
  return blocks;
}

export function readMeta(where: string, tenant: string, id: string, text: string): TempoBlock {
  let meta: MetaJson;
  try {
    meta = JSON.parse(text) as MetaJson;
  } catch (error) {
    throw new RubatoError(ErrorKind.corrupt, 'bad_meta', `${where}: not JSON: ${(error as Error).message}`, error);
  }
  const { format, totalObjects, size } = meta;
  if (typeof format !== 'string' || typeof totalObjects !== 'number' || typeof size !== 'number')
    throw new RubatoError(ErrorKind.corrupt, 'bad_meta', `${where}: not the meta of a block of Tempo`);
  const dedicatedColumns = numbered(meta.dedicatedColumns ?? []);
  return { tenant, id, format, objectCount: totalObjects, sizeBytes: size, dedicatedColumns };
}

/** Columns are handed out by scope and type, in the order of the list. */
function numbered(list: NonNullable<MetaJson['dedicatedColumns']>): DedicatedColumn[] {
  const counts = new Map<string, number>();
  return list.flatMap(({ s = 'span', n, t = 'string' }) => {
    if (typeof n !== 'string' || (s !== 'resource' && s !== 'span' && s !== 'event') || (t !== 'string' && t !== 'int'))
      return [];
    const number = (counts.get(`${s} ${t}`) ?? 0) + 1;
    counts.set(`${s} ${t}`, number);
    return [{ scope: s, type: t, key: n, number }];
  });
}
