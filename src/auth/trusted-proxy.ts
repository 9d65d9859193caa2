/**
 * A proxy that has already asked who somebody is, and says so in a header. It is believed when the connection comes from one
 * of its addresses, and nobody else is: the header of another sender is as if it were not there.
 */
import type { IncomingHttpHeaders } from 'node:http';
import net from 'node:net';
import type { Caller, Principal, Role } from './principal.ts';
import { roles } from './principal.ts';

export interface TrustedProxySettings {
  /** Networks, `10.0.0.0/8`, or single addresses. */
  readonly cidrs: readonly string[];
  /** Lower-case names of headers. */
  readonly userHeader: string;
  /** Roles and tenants, separated by commas; empty: the fixed ones. */
  readonly rolesHeader: string;
  readonly tenantsHeader: string;
  readonly roles: readonly Role[];
  readonly tenants: readonly string[];
}

export class TrustedProxy {
  readonly #settings: TrustedProxySettings;
  readonly #networks: net.BlockList;

  constructor(settings: TrustedProxySettings) {
    this.#settings = settings;
    this.#networks = blockList(settings.cidrs);
  }

  isProxy({ address }: Caller): boolean {
    if (address === undefined) return false;
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').split('%', 1)[0]!;
    const family = net.isIP(plain);
    return family !== 0 && this.#networks.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  }

  /** Whom the proxy names; undefined when it names nobody, or more than one. */
  principal({ headers }: Caller): Principal | undefined {
    const { userHeader, rolesHeader, tenantsHeader } = this.#settings;
    const user = textOf(headers, userHeader);
    // Two headers of one name arrive joined by a comma: then one of them is not the proxy's.
    if (user === undefined || user === '' || user.includes(',')) return undefined;
    const named = rolesHeader === '' ? this.#settings.roles : listOf(headers, rolesHeader);
    const tenants = tenantsHeader === '' ? this.#settings.tenants : listOf(headers, tenantsHeader);
    return {
      name: `proxy:${user.slice(0, 100)}`,
      roles: new Set(roles.filter((role) => named.includes(role))),
      tenants: tenants.includes('*') ? 'all' : new Set(tenants),
    };
  }

  /** The address that the proxy talks to, for counting failures: the last one, which it has added itself. */
  clientAddress({ headers, address = '' }: Caller): string {
    return listOf(headers, 'x-forwarded-for').at(-1) ?? address;
  }
}

function blockList(cidrs: readonly string[]): net.BlockList {
  const list = new net.BlockList();
  for (const cidr of cidrs) {
    const { address, bits, family } = parseCidr(cidr)!;
    list.addSubnet(address, bits, family);
  }
  return list;
}

/** Undefined for what is no network and no address. */
export function parseCidr(
  text: string,
): { readonly address: string; readonly bits: number; readonly family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const version = net.isIP(address);
  const most = version === 4 ? 32 : 128;
  if (version === 0 || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return undefined;
  const length = bits === undefined ? most : Number(bits);
  return length > most ? undefined : { address, bits: length, family: version === 4 ? 'ipv4' : 'ipv6' };
}

function textOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join() : value;
}

function listOf(headers: IncomingHttpHeaders, name: string): string[] {
  return (textOf(headers, name) ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
