import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { ErrorKind } from '../base/errors.ts';
import { systemRng } from '../base/random.ts';
import { checkStore } from './check-store.ts';
import { FailingObjectStore } from './failing.ts';
import { MemoryObjectStore } from './memory.ts';

const advice = { store: 'bucket b', hints: { injected: 'Look at the cables' } };

test('a store that does what it must passes, and nothing is left in it', async () => {
  const store = new MemoryObjectStore();
  await checkStore(store, systemRng, advice);
  assert.equal(store.objectCount, 0);
});

test('a store that ignores the condition is refused', async () => {
  const store = new MemoryObjectStore();
  const put = store.put.bind(store);
  store.put = (key, body) => put(key, body);
  await assert.rejects(checkStore(store, systemRng, advice), {
    kind: ErrorKind.config,
    code: 'no_conditional_put',
    message: /4 conditional writes of one object 4 succeeded/,
  });
});

test('a store that says no and writes all the same is refused', async () => {
  const store = new MemoryObjectStore();
  const put = store.put.bind(store);
  store.put = async (key, body, options) => {
    await put(key, body, options).catch(async (error: unknown) => {
      await put(key, body);
      throw error;
    });
  };
  await assert.rejects(checkStore(store, systemRng, advice), { code: 'no_conditional_put' });
});

test('an error says which store it is and what to do', async () => {
  for (const operation of ['put', 'get', 'list', 'delete']) {
    const store = new FailingObjectStore(new MemoryObjectStore(), systemClock, (asked) =>
      asked === operation ? { error: 'before' } : undefined,
    );
    await assert.rejects(checkStore(store, systemRng, advice), {
      kind: ErrorKind.config,
      message: /^bucket b cannot be used: .*\. Look at the cables$/,
    });
  }
});
