/** IP addresses as text in the one form that Go prints, which is what a Tempo user has in queries. */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

const mappedPrefix = '::ffff:';

/** Undefined for what is no address. IPv6 in the form of RFC 5952; IPv4 that was mapped to it as IPv4. */
export function normalIp(text: string): string | undefined {
  if (isIPv4(text)) return text;
  // A zone names an interface of the machine that sent it.
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const normal = new SocketAddress({ address: text, family: 'ipv6' }).address;
  return normal.startsWith(mappedPrefix) && normal.includes('.') ? normal.slice(mappedPrefix.length) : normal;
}

/** Of 4 or 16 bytes in network order; undefined for other lengths. */
export function ipOfBytes(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(view.getUint16(i).toString(16));
  return normalIp(groups.join(':'));
}
