/**
 * The limits of every tenant as they are now. They come from three places:
 *
 *   overrides API (user)        single fields, over …
 *   file: entry of the tenant   whole; what it leaves out is not taken from elsewhere
 *     or else its entry "*"
 *     or else overrides.defaults of the configuration
 *
 * Both upper places change while the process runs; whoever keeps limits listens.
 */
import type { OverridesBlock } from '../config/overrides-schema.ts';
import { isMapping } from '../config/yaml-file.ts';

/** The entry for tenants that have none of their own. */
export const anyTenant = '*';

export type RuntimeOverrides = ReadonlyMap<string, OverridesBlock>;
export type UserOverridesByTenant = ReadonlyMap<string, OverridesBlock>;

/** One thing for every tenant: those with something of their own, and all others. */
export interface ByTenant<Value> {
  readonly tenants: ReadonlyMap<string, Value>;
  readonly others: Value;
}

export class TenantOverrides {
  readonly defaults: OverridesBlock;
  #runtime: RuntimeOverrides = new Map();
  #user: UserOverridesByTenant = new Map();
  readonly #known = new Map<string, OverridesBlock>();
  readonly #listeners: (() => void)[] = [];

  constructor(defaults: OverridesBlock) {
    this.defaults = defaults;
  }

  /** What holds for a tenant. A key that is not there is off, unlimited, or the module's own. */
  of(tenant: string): OverridesBlock {
    if (!this.#runtime.has(tenant) && !this.#user.has(tenant)) return this.#runtime.get(anyTenant) ?? this.defaults;
    let block = this.#known.get(tenant);
    if (block === undefined) {
      const user = this.#user.get(tenant);
      const runtime = this.#runtimeOf(tenant);
      block = user === undefined ? runtime : (overlay(runtime, user) as OverridesBlock);
      this.#known.set(tenant, block);
    }
    return block;
  }

  byTenant<Value>(read: (block: OverridesBlock) => Value): ByTenant<Value> {
    const names = this.tenants.map(({ name }) => name);
    return {
      tenants: new Map(names.map((name) => [name, read(this.of(name))])),
      others: read(this.#runtime.get(anyTenant) ?? this.defaults),
    };
  }

  /** Tenants with limits of their own, by name. */
  get tenants(): readonly { readonly name: string; readonly hasRuntime: boolean; readonly hasUser: boolean }[] {
    const names = new Set([...this.#runtime.keys(), ...this.#user.keys()]);
    names.delete(anyTenant);
    return [...names]
      .sort()
      .map((name) => ({ name, hasRuntime: this.#runtime.has(name), hasUser: this.#user.has(name) }));
  }

  get runtime(): RuntimeOverrides {
    return this.#runtime;
  }

  /** What the tenant set itself. */
  userOf(tenant: string): OverridesBlock | undefined {
    return this.#user.get(tenant);
  }

  setRuntime(runtime: RuntimeOverrides): void {
    this.#runtime = runtime;
    this.#changed();
  }

  setUser(user: UserOverridesByTenant): void {
    this.#user = user;
    this.#changed();
  }

  /** Called after every change. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #runtimeOf(tenant: string): OverridesBlock {
    return this.#runtime.get(tenant) ?? this.#runtime.get(anyTenant) ?? this.defaults;
  }

  #changed(): void {
    this.#known.clear();
    for (const listener of this.#listeners) listener();
  }
}

/** Mappings that are one value: all of it comes from the same place. */
const whole: ReadonlySet<string> = new Set(['cost_attribution.dimensions']);

/** `over` where it has something, else `base`; lists are single values, also when they are empty. */
function overlay(base: unknown, over: unknown, path = ''): unknown {
  if (over === undefined) return base;
  if (!isMapping(base) || !isMapping(over) || whole.has(path)) return over;
  const result = { ...base };
  for (const [key, value] of Object.entries(over))
    result[key] = overlay(base[key], value, path === '' ? key : `${path}.${key}`);
  return result;
}
