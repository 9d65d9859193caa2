/**
 * TLS of listeners out of PEM files and texts. Files are looked at again when their folder changes, which is how Kubernetes
 * replaces mounted secrets, and at an interval, for file systems that tell nothing. What is found there is used when it is
 * a certificate with its key; otherwise, as between the writing of one and the other, the last good ones stay.
 */
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { nodeTls, type ServerTls } from '../roles/write/server-tls.ts';

export interface Pem {
  /** The text itself; goes before `file`. */
  readonly text?: string | undefined;
  readonly file?: string | undefined;
}

export interface TlsSource {
  readonly cert: Pem;
  readonly key: Pem;
  readonly clientCa: Pem;
  readonly clientCertOptional: boolean;
  readonly minVersion: ServerTls['minVersion'];
  readonly ciphers: string | undefined;
  /** How often files are read again if no change is noticed before. */
  readonly reloadMs: number;
}

export interface TlsLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const reloadMsDefault = 30_000;
/** Files that belong together are written one after the other. */
const settleMs = 100;

/** @throws RubatoError config: a file cannot be read, or these are no certificate and key that belong together */
export function serverTls(source: TlsSource, log: TlsLog): ServerTls {
  const first = readTls(source);
  checkTls(first);
  const files = [source.cert, source.key, source.clientCa].flatMap(({ text, file }) =>
    text === undefined && file !== undefined ? [file] : [],
  );
  if (files.length === 0) return first;
  const follow = (onRenewed: (renewed: ServerTls) => void): (() => void) => {
    let seen = JSON.stringify(first);
    return watchFiles(files, source.reloadMs, () => {
      try {
        const found = readTls(source);
        const text = JSON.stringify(found);
        if (text === seen) return;
        seen = text;
        checkTls(found);
        onRenewed(found);
        log.info({ files }, 'certificates were renewed');
      } catch (error) {
        log.error({ files, reason: (error as Error).message }, 'new certificates cannot be used; the old ones stay');
      }
    });
  };
  return { ...first, follow };
}

function readTls({ cert, key, clientCa, clientCertOptional, minVersion, ciphers }: TlsSource): ServerTls {
  const clientCaText = pemText(clientCa);
  return {
    cert: pemText(cert) ?? '',
    key: pemText(key) ?? '',
    ...(clientCaText !== undefined && { clientCa: clientCaText, clientCertOptional }),
    ...(minVersion !== undefined && { minVersion }),
    ...(ciphers !== undefined && { ciphers }),
  };
}

const pemText = ({ text, file }: Pem): string | undefined => text ?? (file === undefined ? undefined : pemFile(file));

/** @throws RubatoError config */
export function pemFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new RubatoError(ErrorKind.config, 'no_pem', `cannot read ${file}: ${(error as Error).message}`, error);
  }
}

function checkTls(tls: ServerTls): void {
  try {
    createSecureContext(nodeTls(tls));
  } catch (error) {
    const reason = (error as Error).message;
    throw new RubatoError(ErrorKind.config, 'bad_tls', `certificate and key cannot be used: ${reason}`, error);
  }
}

/** Calls `look` when something happened in the files' folders, and every `intervalMs`, until what it returns is called. */
export function watchFiles(files: readonly string[], intervalMs: number, look: () => void): () => void {
  let soon: NodeJS.Timeout | undefined;
  const onEvent = (): void => {
    soon ??= setTimeout(() => {
      soon = undefined;
      look();
    }, settleMs).unref();
  };
  const watchers = [...new Set(files.map((file) => path.dirname(file)))].flatMap((folder): FSWatcher[] => {
    try {
      const watcher = watch(folder, { persistent: false }, onEvent);
      // A folder that vanishes, or a system without watches left: the interval remains.
      return [watcher.on('error', () => watcher.close())];
    } catch {
      return [];
    }
  });
  const interval = setInterval(look, intervalMs).unref();
  return () => {
    clearTimeout(soon);
    clearInterval(interval);
    for (const watcher of watchers) watcher.close();
  };
}
