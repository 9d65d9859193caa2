import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultListenerTimes, Listener, type ListenerHandlers } from './listener.ts';

const echo: ListenerHandlers = {
  http: (request, response) => response.end(`${request.httpVersion} ${request.url}`),
  grpc: (request, response) => response.end(`gRPC ${request.url}`),
};

async function listen(context: TestContext, handlers = echo, times = defaultListenerTimes) {
  const listener = new Listener(handlers, times);
  const port = await listener.listen(0, '127.0.0.1');
  context.after(() => listener.close(0));
  return { listener, port };
}

async function get(port: number, path: string, agent?: http.Agent): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  http
    .get({ port, host: '127.0.0.1', path, agent }, async (response) => {
      let text = '';
      for await (const piece of response.setEncoding('utf8')) text += piece;
      resolve(text);
    })
    .on('error', reject);
  return promise;
}

async function get2(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders): Promise<string> {
  const stream = session.request(headers).setEncoding('utf8');
  stream.end();
  let text = '';
  for await (const piece of stream) text += piece;
  return text;
}

test('HTTP/1.1, HTTP/2 and gRPC share a port at the same time', async (context) => {
  const { port } = await listen(context);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  context.after(() => session.destroy());
  const agent = new http.Agent({ keepAlive: true });
  context.after(() => agent.destroy());
  const grpc = { ':method': 'POST', 'content-type': 'application/grpc+proto' };
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all([
      get(port, `/a${round}`, agent),
      get2(session, { ':path': `/b${round}` }),
      get2(session, { ':path': `/c${round}`, ...grpc }),
      get(port, `/d${round}`),
    ]);
    assert.deepEqual(answers, [`1.1 /a${round}`, `2.0 /b${round}`, `gRPC /c${round}`, `1.1 /d${round}`]);
  }
});

test('an answer that takes too long is cut, others are not', async (context) => {
  const slow: ListenerHandlers = {
    ...echo,
    http: (request, response) => {
      if (request.url === '/slow') return;
      response.end('quick');
    },
  };
  const { port } = await listen(context, slow, { ...defaultListenerTimes, answerMs: 50 });
  await assert.rejects(get(port, '/slow'));
  assert.equal(await get(port, '/quick'), 'quick');
});

test('a request may have a URL as long as the longest query', async (context) => {
  const { port } = await listen(context);
  const path = `/search?q=${'%7B'.repeat(131_072)}`;
  assert.equal(await get(port, path), `1.1 ${path}`);
  const session = http2.connect(`http://127.0.0.1:${port}`, { maxSendHeaderBlockLength: 1 << 20 });
  context.after(() => session.destroy());
  // A header of HTTP/2 has at most 64 KiB (nghttp2's NGHTTP2_HD_MAX_NV).
  const shorter = path.slice(0, 65_000);
  assert.equal(await get2(session, { ':path': shorter }), `2.0 ${shorter}`);
});

/** Sends byte by byte; resolves with what came back when the other side closes. */
async function trickle(port: number, text: string): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  let answer = '';
  socket.on('data', (piece) => (answer += piece.toString('latin1')));
  for (const byte of Buffer.from(text, 'latin1')) {
    socket.write(Uint8Array.of(byte));
    await sleep(1);
  }
  await closed;
  return answer;
}

test('what comes byte by byte is understood', async (context) => {
  const { port } = await listen(context);
  const get = 'GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
  assert.match(await trickle(port, get), /^HTTP\/1\.1 200 OK\r\n[\s\S]*1\.1 \/x$/);
  assert.match(await trickle(port, get.replace('GET', 'PUT')), /1\.1 \/x$/);
  // The preface, an empty SETTINGS frame and GOAWAY.
  const goaway = `\0\0\x08\x07\0${'\0'.repeat(12)}`;
  const answer = await trickle(port, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0${goaway}`);
  assert.equal(answer.charCodeAt(3), 4, 'the first frame of the server is SETTINGS');
});

test('a connection that does not say what it speaks is cut', async (context) => {
  const { port } = await listen(context, echo, { ...defaultListenerTimes, firstBytesMs: 50 });
  for (const text of ['', 'PR']) {
    const startMs = performance.now();
    assert.equal(await trickle(port, text), '');
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs >= 45 && tookMs < 2000, `cut after ${tookMs} ms`);
  }
  assert.equal(await get(port, '/still'), '1.1 /still');
});

test('an HTTP/2 connection on which nothing happens is told to go', async (context) => {
  const { port } = await listen(context, echo, { ...defaultListenerTimes, idleSessionMs: 50 });
  const session = http2.connect(`http://127.0.0.1:${port}`);
  await new Promise((resolve) => session.once('close', resolve));
});

test('a call whose client has gone silent ends in the end', async (context) => {
  const hang = (): void => undefined;
  const times = { ...defaultListenerTimes, idleSessionMs: 50 };
  const { port } = await listen(context, { http: hang, grpc: hang }, times);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  const stream = session.request({ ':path': '/', ':method': 'POST', 'content-type': 'application/grpc' });
  stream.on('error', () => undefined);
  stream.write('half a message');
  await new Promise((resolve) => stream.once('close', resolve));
});

test('closing lets what runs end and turns away what is new', async (context) => {
  const release = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  let waiting = 0;
  const { listener, port } = await listen(context, {
    ...echo,
    http: async (_request, response) => {
      if (++waiting === 2) arrived.resolve();
      await release.promise;
      response.end('done');
    },
  });
  const agent = new http.Agent({ keepAlive: true });
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const silent = net.connect(port, '127.0.0.1');
  const answers = Promise.all([get(port, '/', agent), get2(session, { ':path': '/' })]);
  await arrived.promise;
  const startMs = performance.now();
  const closed = listener.close(10_000);
  await assert.rejects(get(port, '/late'), { code: 'ECONNREFUSED' });
  release.resolve();
  assert.deepEqual(await answers, ['done', 'done']);
  await closed;
  assert.ok(performance.now() - startMs < 5000, 'nobody is waited for who has nothing to say');
  agent.destroy();
  silent.destroy();
});

test('closing cuts what does not end in time', async (context) => {
  const arrived = Promise.withResolvers<void>();
  let waiting = 0;
  const hang = (): void => {
    if (++waiting === 2) arrived.resolve();
  };
  const { listener, port } = await listen(context, { http: hang, grpc: hang });
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  const http1 = assert.rejects(get(port, '/'));
  const stream = session.request({ ':path': '/', ':method': 'POST', 'content-type': 'application/grpc' });
  stream.on('error', () => undefined);
  const http2Closed = new Promise((resolve) => stream.once('close', resolve));
  await arrived.promise;
  await listener.close(30);
  await Promise.all([http1, http2Closed]);
});

test('a port without an HTTP handler turns HTTP away', async (context) => {
  const { port } = await listen(context, { grpc: echo.grpc });
  assert.match(await get(port, '/'), /for gRPC/);
});
