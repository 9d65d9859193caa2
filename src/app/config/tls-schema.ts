/** TLS of the HTTP and gRPC ports, in Tempo's keys and with Go's names for its values. */
import { z } from 'zod';
import { durationMs } from './values.ts';

/** What a client must show, by Go's names; those that accept a certificate without looking at it are refused. */
const clientAuthTypes = ['', 'NoClientCert', 'VerifyClientCertIfGiven', 'RequireAndVerifyClientCert'] as const;

const keys = z
  .strictObject({
    /** PEM texts, or the files that hold them. */
    cert: z.string().default(''),
    key: z.string().default(''),
    cert_file: z.string().default(''),
    key_file: z.string().default(''),
    /** Default: clients need no certificate. */
    client_auth_type: z.enum(clientAuthTypes).default(''),
    client_ca: z.string().default(''),
    client_ca_file: z.string().default(''),
    /** Changes of the files are noticed at once, or at least so often. Ours. */
    reload_interval: durationMs.refine((ms) => ms >= 100, { error: 'must be at least 100ms' }).default(30_000),
  })
  .superRefine((tls, context) => {
    const refuse = (message: string): void => context.addIssue({ code: 'custom', message });
    const hasCert = tls.cert !== '' || tls.cert_file !== '';
    if (hasCert !== (tls.key !== '' || tls.key_file !== '')) refuse('needs both a certificate and its key');
    const asksClients = tls.client_auth_type !== '' && tls.client_auth_type !== 'NoClientCert';
    const hasClientCa = tls.client_ca !== '' || tls.client_ca_file !== '';
    if (asksClients && !hasClientCa) refuse('client_auth_type needs client_ca_file');
    if (!asksClients && hasClientCa) refuse('client_ca_file needs client_auth_type: RequireAndVerifyClientCert');
    if (asksClients && !hasCert) refuse('client_auth_type needs a certificate for the server, too');
  });
export type ListenerTlsConfig = z.output<typeof keys>;
export const listenerTls = keys.prefault({});

export const tlsMinVersion = z.enum(['', 'VersionTLS10', 'VersionTLS11', 'VersionTLS12', 'VersionTLS13']).default('');

/** Names of TLS 1.2's suites as Go and IANA have them, separated by commas. Those of TLS 1.3 are always on. */
export const tlsCipherSuites = z
  .string()
  .default('')
  .transform((text, context) => {
    const names = text.split(',').map((name) => name.trim());
    const known = names.filter((name) => name !== '' && !/^TLS_(AES|CHACHA20)_/.test(name));
    const unknown = known.find(
      (name) => !/^TLS_ECDHE_(RSA|ECDSA)_WITH_(AES_(128|256)_(GCM|CBC)|CHACHA20_POLY1305)(_SHA\d*)?$/.test(name),
    );
    if (unknown === undefined) return known;
    context.addIssue({ code: 'custom', message: `unknown or unsafe cipher suite ${unknown}` });
    return z.NEVER;
  });
