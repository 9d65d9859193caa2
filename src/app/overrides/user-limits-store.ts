/**
 * Limits that tenants set themselves, one small JSON object a version:
 *
 *   overrides/<tenant>/overrides.json               version 1, when it was copied here from a bucket of Tempo's
 *   overrides/<tenant>/overrides.0000000007.json    version 7: the limits, or `null` when they were deleted
 *
 * The highest version holds. A new one is put if absent under the next number, so of two writers who both saw version 7
 * one gets version 8 and the other a conflict. Old versions are removed when `versionsKept` newer ones exist; a writer
 * who slept through all of those would find its number free again, so it looks once more after the put.
 */
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { tenantName, tenantOfName } from '../../block/manifest-keys.ts';
import { isKind, type ObjectStore } from '../../objectstore/object-store.ts';
import type { UserLimits } from './user-limits.ts';

const root = 'overrides/';
const versionsKept = 16;
const versionMax = 9_999_999_999;

export interface StoredLimits {
  /** 0: there never was one. */
  readonly version: number;
  /** Undefined when there are none. */
  readonly limits: UserLimits | undefined;
}

interface FoundVersion {
  readonly version: number;
  readonly key: string;
}

export class UserLimitsStore {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Newest version of every tenant that ever had one. */
  async versions(signal?: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const newest = new Map<string, number>();
    for await (const { key } of this.#store.list(root, {}, signal)) {
      const [name, file, ...rest] = key.slice(root.length).split('/');
      const tenant = tenantOfName(name!);
      const version = versionOfFile(file ?? '');
      if (tenant === undefined || version === undefined || rest.length > 0) continue;
      newest.set(tenant, Math.max(newest.get(tenant) ?? 0, version));
    }
    return newest;
  }

  /** @throws kind `corrupt` when it is no JSON */
  async read(tenant: string): Promise<StoredLimits> {
    for (;;) {
      const newest = (await this.#found(tenant)).at(-1);
      if (newest === undefined) return { version: 0, limits: undefined };
      try {
        const bytes = await this.#store.get(newest.key);
        return { version: newest.version, limits: decode(newest.key, bytes) };
      } catch (error) {
        // Removed between the listing and now: there are newer ones.
        if (!isKind(error, ErrorKind.notFound)) throw error;
      }
    }
  }

  /**
   * Makes `limits` (undefined: none) the version after `expected`, and returns it.
   * @throws kind `conflict` when `expected` is not the newest
   */
  async write(tenant: string, limits: UserLimits | undefined, expected: number): Promise<number> {
    const before = await this.#found(tenant);
    if ((before.at(-1)?.version ?? 0) !== expected) throw changedMeanwhile();
    const version = expected + 1;
    if (version > versionMax) throw new RangeError('out of versions');
    const body = new TextEncoder().encode(JSON.stringify(limits ?? null));
    try {
      await this.#store.put(versionKey(tenant, version), body, { ifAbsent: true });
    } catch (error) {
      throw isKind(error, ErrorKind.conflict) ? changedMeanwhile(error) : error;
    }
    const after = await this.#found(tenant);
    if (after.at(-1)!.version - version >= versionsKept) throw changedMeanwhile();
    const old = after.filter((found) => found.version <= version - versionsKept);
    await Promise.all(old.map(({ key }) => this.#store.delete(key)));
    return version;
  }

  /** Oldest first. */
  async #found(tenant: string): Promise<FoundVersion[]> {
    const prefix = `${root}${tenantName(tenant)}/`;
    const found: FoundVersion[] = [];
    for await (const { key } of this.#store.list(prefix)) {
      const version = versionOfFile(key.slice(prefix.length));
      if (version !== undefined) found.push({ version, key });
    }
    return found.sort((a, b) => a.version - b.version);
  }
}

function versionKey(tenant: string, version: number): string {
  return `${root}${tenantName(tenant)}/overrides.${String(version).padStart(10, '0')}.json`;
}

function versionOfFile(file: string): number | undefined {
  if (file === 'overrides.json') return 1;
  const match = /^overrides\.(\d{10})\.json$/.exec(file);
  return match === null ? undefined : Number(match[1]);
}

function decode(key: string, bytes: Uint8Array): UserLimits | undefined {
  try {
    return (JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as UserLimits | null) ?? undefined;
  } catch (error) {
    throw new RubatoError(ErrorKind.corrupt, 'corrupt_data', `${key}: not JSON`, error);
  }
}

function changedMeanwhile(cause?: unknown): RubatoError {
  const message = 'the limits were changed meanwhile: their version is not the one in If-Match';
  return new RubatoError(ErrorKind.conflict, 'version_mismatch', message, cause);
}
