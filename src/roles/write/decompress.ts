/** Content codings of request bodies, decompressed with a bound on the result; those that zlib knows off the event loop. */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { ErrorKind, invalid, RubatoError } from '../../base/errors.ts';
import { unlz4 } from './lz4-frame.ts';
import { unsnappy } from './snappy.ts';

const gunzip = promisify(zlib.gunzip);
const inflate = promisify(zlib.inflate);
const zstdDecompress = promisify(zlib.zstdDecompress);

/** The body is larger than the receiver accepts. Shown as HTTP 413 and gRPC ResourceExhausted. */
export function bodyTooLarge(bytesMax: number): RubatoError {
  return new RubatoError(ErrorKind.invalid, 'body_too_large', `request body too large, the limit is ${bytesMax} bytes`);
}

/**
 * @param coding a Content-Encoding (`gzip`, `zstd`, `deflate`, `zlib`, `snappy`, `x-snappy-framed`, `lz4`, `identity` or empty)
 * @throws RubatoError invalid: unknown coding, damaged data, or a result over `bytesMax`
 */
export async function decompress(coding: string, body: Buffer, bytesMax: number): Promise<Buffer> {
  const options = { maxOutputLength: bytesMax };
  try {
    switch (coding) {
      case '':
      case 'identity':
        return body;
      case 'gzip':
        return await gunzip(body, options);
      case 'deflate':
      case 'zlib':
        return await inflate(body, options);
      case 'zstd':
        return await zstdDecompress(body, options);
      case 'snappy':
      case 'x-snappy-framed':
        return unsnappy(body, bytesMax);
      case 'lz4':
        return unlz4(body, bytesMax);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ERR_BUFFER_TOO_LARGE' || error instanceof RangeError) throw bodyTooLarge(bytesMax);
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid('bad_compression', `cannot decompress the ${coding} body: ${reason}`, error);
  }
  throw invalid('unsupported_encoding', `unsupported Content-Encoding: ${coding}`);
}
