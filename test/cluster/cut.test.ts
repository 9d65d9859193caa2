/** A reader that cannot reach a writer answers from the writer's segments in the store, as completely as before. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type ClusterOptions, makeRequest, quickCluster, spansPerTrace, startRole } from '../support/cluster.ts';
import { makeNamespace, missingNamespaces } from '../support/network-namespace.ts';
import { getJson, postSpans, type TestServer, temporaryFolder } from '../support/server.ts';

const traces = 10;
const unreachable = /does not answer; its segments are read from the store/;

function optionsIn(folder: string): ClusterOptions {
  // Nothing gets into a block: everything is live data.
  return {
    folder,
    storage: { local: { path: `${folder}/store` } },
    config: { live_store: { max_block_duration: '10m' } },
  };
}

/** Sends a request to the writer and asks the reader at once. */
async function sendAndAsk(writer: TestServer, ask: (path: string) => Promise<unknown>): Promise<number> {
  const request = makeRequest(traces, Date.now());
  assert.equal(await postSpans(writer.otlpHttp, request.body), 200);
  const query = encodeURIComponent(`{ span.request.id = "${request.id}" } | count_over_time()`);
  const end = Math.ceil(Date.now() / 1000) + 5;
  const answer = (await ask(`/api/metrics/query?q=${query}&start=${end - 600}&end=${end}`)) as {
    series?: { value?: number }[];
  };
  return answer.series?.[0]?.value ?? 0;
}

// The same without root; one of the two is enough for the default run.
const withoutNamespaces = missingNamespaces() === false ? 'the cut network below shows the same' : false;

test('a writer whose address swallows everything is read from the store', { skip: withoutNamespaces }, async () => {
  const folder = temporaryFolder('cut');
  let target = 0;
  let isCut = false;
  const line = net.createServer((socket) => {
    if (isCut) return;
    const onward = net.connect(target, '127.0.0.1');
    socket.on('data', (data) => isCut || onward.write(data));
    onward.on('data', (data) => isCut || socket.write(data));
    for (const [end, other] of [
      [socket, onward],
      [onward, socket],
    ] as const)
      end.on('close', () => other.destroy()).on('error', () => undefined);
  });
  line.listen(0, '127.0.0.1');
  await once(line, 'listening');
  const { port } = line.address() as AddressInfo;
  const options = optionsIn(folder.path);
  const cluster = { ...quickCluster, advertise_address: `127.0.0.1:${port}` };
  const [writer, reader] = await Promise.all([
    startRole('write', options, { config: { cluster } }),
    startRole('read', options),
  ]);
  try {
    target = Number(new URL(writer.http).port);
    const ask = (path: string): Promise<unknown> => getJson(reader.http + path);
    // From here on the writer can be asked; before, its address led nowhere.
    await new Promise((resolve) => setTimeout(resolve, 5_100));
    const before = reader.log().length;
    assert.equal(await sendAndAsk(writer, ask), traces * spansPerTrace);
    assert.doesNotMatch(reader.log().slice(before), unreachable);
    isCut = true;
    for (let i = 0; i < 3; i++) assert.equal(await sendAndAsk(writer, ask), traces * spansPerTrace);
    assert.match(reader.log().slice(before), unreachable);
  } finally {
    await Promise.all([writer.kill(), reader.kill()]);
    line.close();
    folder.remove();
  }
});

test('a network that is cut between a reader and a writer makes no answer short', {
  skip: missingNamespaces(),
}, async () => {
  const folder = temporaryFolder('cut-network');
  const namespace = await makeNamespace();
  const options = optionsIn(folder.path);
  const servers: TestServer[] = [];
  try {
    const writer = await startRole('write', options, {
      server: { http_listen_address: '0.0.0.0' },
      config: { cluster: { ...quickCluster, advertise_address: namespace.outerAddress } },
    });
    servers.push(writer);
    const isReady = (url: string): Promise<boolean> =>
      namespace.get(url).then(
        () => true,
        () => false,
      );
    const reader = await startRole('read', options, { runIn: { command: namespace.command, isReady } });
    servers.push(reader);
    const ask = async (path: string): Promise<unknown> => JSON.parse(await namespace.get(reader.http + path));
    assert.equal(await sendAndAsk(writer, ask), traces * spansPerTrace);
    assert.doesNotMatch(reader.log(), unreachable);
    await namespace.cut();
    for (let i = 0; i < 3; i++) assert.equal(await sendAndAsk(writer, ask), traces * spansPerTrace);
    assert.match(reader.log(), unreachable);
    await namespace.mend();
    assert.equal(await sendAndAsk(writer, ask), traces * spansPerTrace);
  } finally {
    await Promise.all(servers.map((server) => server.kill()));
    await namespace.remove();
    folder.remove();
  }
});
