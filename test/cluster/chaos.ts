/**
 * A cluster under load whose processes of every role are killed with SIGKILL at random and started again, checked all the
 * time: an answer that succeeds holds every request that was acknowledged before it was asked for, each of its spans once,
 * and of any other request all spans or none. At the end the same by id, by search and by metrics, through every reader,
 * before and after all writers have ended and all their segments are in blocks.
 */
import assert from 'node:assert/strict';
import { systemClock } from '../../src/base/clock.ts';
import { randomHex, SeededRng } from '../../src/base/random.ts';
import type { ObjectStore } from '../../src/objectstore/object-store.ts';
import {
  countByRequest,
  makeRequest,
  quickCluster,
  type SentRequest,
  searchRequest,
  spanIdsOf,
  spansPerTrace,
  startRole,
} from '../support/cluster.ts';
import { postSpans, type TestServer, temporaryFolder } from '../support/server.ts';

export interface ChaosOptions {
  readonly writers: number;
  readonly readers: number;
  readonly backends: number;
  /** `storage.trace` of every process. */
  readonly storage: Readonly<Record<string, unknown>>;
  /** The same store, for looking into it without faults. */
  readonly store: ObjectStore;
  /** Sending ends when so many spans were acknowledged and the time is over. */
  readonly spansMin: number;
  readonly chaosMs: number;
  /** Requests that are looked for by search and by id at the end. */
  readonly samples: number;
  /** Of the `cluster` block. */
  readonly cluster?: Readonly<Record<string, unknown>>;
  /** Mean time between two kills. */
  readonly killEveryMs: number;
  /** No more than so many kills. Default: no bound. */
  readonly killsMax?: number;
  readonly seed: number;
}

export interface ChaosResult {
  readonly acknowledgedSpans: number;
  readonly refusedRequests: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly completeAnswers: number;
  readonly failedAnswers: number;
}

const tracesPerRequest = 20;
const spansPerRequest = tracesPerRequest * spansPerTrace;
const pauseBetweenRequestsMs = 15;
const pauseBetweenChecksMs = 150;
const settledWithinMs = 60_000;

const config = {
  // Small and soon, so that kills also meet blocks in the making, compactions and deletions.
  live_store: { max_block_spans: 3_000, max_block_duration: '1s' },
  backend_scheduler: {
    maintenance_interval: '1s',
    provider: { compaction: { compaction: { settle_duration: '1s', compacted_block_retention: '1m' } } },
  },
};

interface Sent extends SentRequest {
  acknowledged: boolean;
}

/** A place of the cluster whose process comes and goes. */
interface Place {
  readonly target: 'write' | 'read' | 'backend';
  server: TestServer | undefined;
  starting: Promise<void> | undefined;
}

export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const folder = temporaryFolder('chaos');
  const run = new Chaos(options, folder.path);
  try {
    const result = await run.run();
    await run.killAll();
    folder.remove();
    return result;
  } catch (error) {
    await run.killAll();
    console.error(`seed ${options.seed}; the processes' files are kept in ${folder.path}\n${run.logs()}`);
    throw error;
  }
}

class Chaos {
  readonly #options: ChaosOptions;
  readonly #folder: string;
  readonly #rng: SeededRng;
  readonly #places: Place[] = [];
  readonly #sent: Sent[] = [];
  readonly #startUnixSeconds = Math.floor(Date.now() / 1000) - 5;
  readonly #kills: Record<string, number> = { write: 0, read: 0, backend: 0 };
  readonly #deadLogs: string[] = [];
  #completeAnswers = 0;
  #failedAnswers = 0;
  /** Of sending and killing. */
  #isOver = false;
  /** Nothing is started any more. */
  #isEnding = false;

  constructor(options: ChaosOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.#rng = new SeededRng(options.seed);
    const add = (target: Place['target'], count: number): void => {
      for (let i = 0; i < count; i++) this.#places.push({ target, server: undefined, starting: undefined });
    };
    add('write', options.writers);
    add('read', options.readers);
    add('backend', options.backends);
  }

  async run(): Promise<ChaosResult> {
    await Promise.all(this.#places.map((place) => this.#start(place)));
    const watched = this.#watchEnds();
    const deadline = Date.now() + this.#options.chaosMs;
    const work = [
      ...this.#placesOf('write').map((place) => this.#send(place)),
      ...this.#placesOf('read').map((place) => this.#watch(place)),
      this.#killNowAndThen(),
    ];
    const failed = Promise.all([...work, watched]);
    failed.catch(() => (this.#isOver = true));
    while (!this.#isOver && (Date.now() < deadline || this.#acknowledgedSpans < this.#options.spansMin))
      await systemClock.sleep(100);
    this.#isOver = true;
    await failed;
    await Promise.all(this.#places.map((place) => this.#start(place)));
    for (const place of this.#placesOf('read')) await this.#checkAll(place, 'when it was quiet');
    const ends = await Promise.all(this.#placesOf('write').map((place) => place.server!.stop()));
    assert.ok(
      ends.every((code) => code === 0),
      `writers end well: ${ends}`,
    );
    await this.#untilNothingLive();
    for (const place of this.#placesOf('read')) await this.#checkAll(place, 'when all was in blocks');
    return {
      acknowledgedSpans: this.#acknowledgedSpans,
      refusedRequests: this.#sent.filter(({ acknowledged }) => !acknowledged).length,
      kills: this.#kills,
      completeAnswers: this.#completeAnswers,
      failedAnswers: this.#failedAnswers,
    };
  }

  async killAll(): Promise<void> {
    this.#isOver = true;
    this.#isEnding = true;
    for (const place of this.#places) {
      await place.starting?.catch(() => undefined);
      await place.server?.kill();
    }
  }

  logs(): string {
    const logs = [
      ...this.#deadLogs,
      ...this.#places.map(({ target, server }) => `${target}: ${server?.log().slice(-3000)}`),
    ];
    return logs.slice(-12).join('\n');
  }

  #placesOf(target: Place['target']): Place[] {
    return this.#places.filter((place) => place.target === target);
  }

  get #acknowledgedSpans(): number {
    return this.#sent.reduce((sum, { acknowledged }) => sum + (acknowledged ? spansPerRequest : 0), 0);
  }

  /** Resolves when the place has a process that is ready. */
  #start(place: Place): Promise<void> {
    if (place.server !== undefined) return Promise.resolve();
    place.starting ??= (async () => {
      const { storage, cluster = quickCluster } = this.#options;
      const options = { folder: this.#folder, storage, config: { ...config, cluster } };
      for (let tries = 1; place.server === undefined && !this.#isEnding; tries++) {
        try {
          place.server = await startRole(place.target, options);
        } catch (error) {
          // A store with faults may refuse a start; it is tried again.
          if (tries === 5) throw error;
        }
      }
    })().finally(() => (place.starting = undefined));
    return place.starting;
  }

  async #kill(place: Place): Promise<void> {
    const { server } = place;
    if (server === undefined) return;
    place.server = undefined;
    this.#kills[place.target]!++;
    await server.kill();
    this.#deadLogs.push(`${place.target}: ${server.log().slice(-1500)}`);
  }

  /** Nothing ends by itself: a writer that was slow to renew its member object, and is taken for dead, goes on. */
  async #watchEnds(): Promise<void> {
    while (!this.#isOver) {
      await systemClock.sleep(200);
      for (const place of this.#places) {
        const { server } = place;
        if (server === undefined || !(await hasEnded(server)) || place.server !== server) continue;
        assert.fail(`a ${place.target} process ended by itself: ${server.log().slice(-1500)}`);
      }
    }
  }

  async #killNowAndThen(): Promise<void> {
    const { killEveryMs, killsMax = Number.POSITIVE_INFINITY } = this.#options;
    const starts: Promise<void>[] = [];
    while (!this.#isOver && starts.length < killsMax) {
      await systemClock.sleep(killEveryMs * (0.5 + this.#rng.float()));
      // Every role gets its share, whatever their numbers.
      const role = (['write', 'read', 'backend'] as const)[starts.length % 3]!;
      const up = this.#places.filter(({ server }) => server !== undefined);
      const running = up.filter(({ target }) => target === role);
      // A machine that is slow to start processes must not spend its time with that alone.
      if (running.length === 0 || up.length < this.#places.length / 2 || this.#isOver) continue;
      const place = running[Math.floor(this.#rng.float() * running.length)]!;
      await this.#kill(place);
      starts.push(systemClock.sleep(this.#rng.float() * 1000).then(() => this.#start(place)));
    }
    await Promise.all(starts);
  }

  async #send(place: Place): Promise<void> {
    while (!this.#isOver) {
      await systemClock.sleep(pauseBetweenRequestsMs);
      const { server } = place;
      if (server === undefined) continue;
      const request: Sent = { ...makeRequest(tracesPerRequest, Date.now()), acknowledged: false };
      this.#sent.push(request);
      try {
        request.acknowledged = (await postSpans(server.otlpHttp, request.body)) === 200;
      } catch {
        // Killed before it answered.
      }
    }
  }

  async #watch(place: Place): Promise<void> {
    while (!this.#isOver) {
      await systemClock.sleep(pauseBetweenChecksMs);
      const { server } = place;
      if (server === undefined) continue;
      const acknowledged = this.#sent.filter((request) => request.acknowledged);
      let counts: Map<string, number>;
      let ids: { traceId: string; spans: string[] } | undefined;
      try {
        counts = await countByRequest(server.http, this.#startUnixSeconds);
        const newest = acknowledged.at(-1);
        if (newest !== undefined) {
          const traceId = newest.traceIds[0]!;
          ids = { traceId, spans: await spanIdsOf(server.http, traceId) };
        }
      } catch {
        this.#failedAnswers++;
        continue;
      }
      this.#checkCounts(counts, acknowledged, 'while processes died');
      if (ids !== undefined) assert.equal(new Set(ids.spans).size, spansPerTrace, `trace ${ids.traceId}`);
      this.#completeAnswers++;
    }
  }

  #checkCounts(counts: ReadonlyMap<string, number>, acknowledged: readonly Sent[], when: string): void {
    const short = acknowledged.filter(({ id }) => counts.get(id) !== spansPerRequest);
    const shown = short.slice(0, 5).map(({ id }) => `${id}: ${counts.get(id) ?? 0}`);
    assert.equal(short.length, 0, `${when}, of ${acknowledged.length} acknowledged requests are not right: ${shown}`);
    for (const [id, count] of counts) assert.equal(count, spansPerRequest, `${when}, request ${id} is there in part`);
  }

  async #checkAll(place: Place, when: string): Promise<void> {
    const { http } = place.server!;
    const acknowledged = this.#sent.filter((request) => request.acknowledged);
    this.#checkCounts(await countByRequest(http, this.#startUnixSeconds), acknowledged, when);
    for (let i = 0; i < Math.min(acknowledged.length, this.#options.samples); i++) {
      const request = acknowledged[Math.floor(this.#rng.float() * acknowledged.length)]!;
      const found = await searchRequest(http, request.id, this.#startUnixSeconds);
      const wanted = request.traceIds.map((id) => id.replace(/^0+/, ''));
      assert.deepEqual(found.sort(), wanted.sort(), `${when}, by search`);
      const traceId = request.traceIds[Math.floor(this.#rng.float() * tracesPerRequest)]!;
      const spans = await spanIdsOf(http, traceId);
      assert.deepEqual(
        [spans.length, new Set(spans).size],
        [spansPerTrace, spansPerTrace],
        `${when}, ${traceId} by id`,
      );
    }
  }

  /** Every writer is gone, so backends must bring everything into blocks, and nobody is left in the list of writers. */
  async #untilNothingLive(): Promise<void> {
    const { store } = this.#options;
    const left: string[] = [];
    for (const deadline = Date.now() + settledWithinMs; Date.now() < deadline; ) {
      left.length = 0;
      for (const prefix of ['wal/', 'members/write/']) for await (const { key } of store.list(prefix)) left.push(key);
      if (left.length === 0) return;
      await systemClock.sleep(250);
    }
    assert.deepEqual(left.slice(0, 10), [], 'segments and member objects that nobody took care of');
  }
}

function hasEnded({ ended }: TestServer): Promise<boolean> {
  return Promise.race([ended.then(() => true), systemClock.sleep(0).then(() => false)]);
}

/** A seed that a failing run prints. */
export function randomSeed(): number {
  return Number.parseInt(randomHex(new SeededRng(Date.now()), 4), 16);
}
