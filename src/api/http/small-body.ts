/** Bodies of requests that are a page of text: limits, questions of a model, ids of traces. */
import { invalid } from '../../base/errors.ts';
import type { Request } from './reply.ts';

const bodyBytesMax = 1024 * 1024;

/** @throws RubatoError invalid when it is larger. */
export async function textBody(request: Request): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax)
      throw invalid('body_too_large', `request body too large, the limit is ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** @throws RubatoError invalid when it is larger, or no JSON. */
export async function jsonBody(request: Request): Promise<unknown> {
  const text = await textBody(request);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid('bad_json', `the body is not JSON: ${(error as Error).message}`, error);
  }
}
