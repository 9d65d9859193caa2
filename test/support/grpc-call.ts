/** One gRPC call with bytes for a message, for its status alone. */
import http2 from 'node:http2';
import { grpcFrame } from '../../src/roles/write/grpc-frame.ts';

/** Resolves with grpc-status. `tls`: for an https URL. */
export async function grpcCall(
  url: string,
  method: string,
  message: Uint8Array,
  metadata: Readonly<Record<string, string>> = {},
  tls: http2.SecureClientSessionOptions = {},
): Promise<number> {
  const session = http2.connect(url, tls);
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject);
      const headers = { ':method': 'POST', ':path': method, 'content-type': 'application/grpc', ...metadata };
      const stream = session.request(headers);
      const read = (answer: http2.IncomingHttpHeaders): void => {
        if (answer['grpc-status'] !== undefined) resolve(Number(answer['grpc-status']));
      };
      stream.on('response', read).on('trailers', read).on('error', reject).resume();
      stream.on('close', () => reject(new Error(`${method} ended without a status`)));
      stream.end(grpcFrame(message));
    });
  } finally {
    session.destroy();
  }
}
