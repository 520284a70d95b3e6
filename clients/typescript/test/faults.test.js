// What the client makes of answers that are lost, cut off, refused or late.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Hooks } from 'rhooks-client';
import { all, listen, startProxy, startServer } from './support.js';

const scheduledDate = '2030-01-31T12:00:00Z';
const url = 'http://127.0.0.1:9/hook';
const rounds = Number(process.env.RHOOKS_CLIENT_ROUNDS ?? 200);
let server;

before(async () => {
  server = await startServer('--no-worker');
});

/** A client behind a proxy, which sends again without waiting long. */
async function spoiled(namespace, spoil, options = {}) {
  const proxy = await startProxy(server.url, spoil);
  const requests = [];
  const hooks = new Hooks({
    url: proxy.url,
    namespace,
    onRequest: (request) => requests.push(request),
    ...options,
  });
  return { hooks, requests, direct: new Hooks({ url: server.url, namespace }) };
}

const firstOnly = (how) => (count) => (count === 1 ? how : undefined);

test(`no task is registered twice in ${rounds} tries`, { timeout: rounds * 1000 }, async () => {
  const hows = ['drop', 'cut', 'drop', 'refuse', 502];
  const { hooks, requests, direct } = await spoiled(
    'lost',
    (count) => (count % 3 ? undefined : hows[count % 5]),
    {
      retries: 20,
      timeoutMs: 120_000,
    },
  );
  const names = Array.from({ length: rounds }, (_, i) => `${i}`);
  const ids = [];
  const caller = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      ids.push((await hooks.register({ url, scheduledDate, description: name })).id);
    }
  };
  await Promise.all(Array.from({ length: 100 }, caller));
  assert.ok(requests.length > rounds);
  const stored = await all(direct.tasks({ limit: 1000 }));
  assert.deepEqual(stored.map((task) => task.id).sort(), ids.sort());
  assert.equal(new Set(stored.map((task) => task.description)).size, rounds);
});

test('a batch is sent again under the same keys', async () => {
  const { hooks, requests, direct } = await spoiled('batch', firstOnly('drop'));
  const results = await hooks.registerMany([
    { url, scheduledDate },
    { url, scheduledDate },
  ]);
  assert.deepEqual(
    results.map((result) => result.status),
    [200, 200],
  );
  assert.equal(requests.length, 2);
  assert.equal((await direct.fetch()).count, 2);
});

test('without a key nothing is sent again where it may have been applied', async () => {
  const { hooks, requests, direct } = await spoiled('off', firstOnly('drop'));
  await assert.rejects(hooks.register({ url, scheduledDate }, { idempotency: 'off' }), {
    code: 'network',
    retryable: true,
    uncertain: true,
  });
  assert.equal(requests.length, 1);
  assert.equal((await direct.fetch()).count, 1);
});

test('an id that was registered by a lost answer is told as uncertain', async () => {
  const { hooks } = await spoiled('id', firstOnly('drop'));
  await assert.rejects(hooks.register({ id: 'mine', url, scheduledDate }), {
    code: 'conflict',
    uncertain: true,
  });
});

test('a change that an earlier attempt has made is no conflict', async () => {
  for (const [verb, status] of [
    ['suspend', 'SUSPENDED'],
    ['cancel', 'FAILED'],
  ]) {
    const { hooks, direct } = await spoiled('change', firstOnly('cut'));
    const task = await direct.register({ url, scheduledDate });
    assert.equal((await hooks[verb](task)).status, status);
  }
});

test('what is not repeatable is not repeated', async () => {
  const { hooks, requests } = await spoiled('once', () => 'drop');
  await assert.rejects(hooks.redrive(), { code: 'network', uncertain: true });
  assert.equal(requests.length, 1);
});

test('Retry-After is a floor, and what was refused is sent again', async () => {
  let count = 0;
  const { url: busy } = await listen((request, response) => {
    if (++count > 1) return response.end('{"items":[],"count":0}');
    const problem = { code: 'overloaded', status: 503, detail: 'busy', title: 'busy', type: 'about:blank' };
    response.writeHead(503, { 'retry-after': '1', 'content-type': 'application/problem+json' });
    response.end(JSON.stringify(problem));
  });
  const began = performance.now();
  await new Hooks({ url: busy, namespace: 'a' }).fetch();
  assert.ok(performance.now() - began >= 990);
  assert.equal(count, 2);

  count = 0;
  const impatient = new Hooks({ url: busy, namespace: 'a', timeoutMs: 500 });
  await assert.rejects(impatient.fetch(), { code: 'overloaded', retryable: true, uncertain: false });
});

test('a proxy that answers by itself is told apart', async () => {
  const { url: other } = await listen((request, response) => response.end('<html>welcome'));
  await assert.rejects(new Hooks({ url: other, namespace: 'a' }).fetch(), {
    code: 'bad_answer',
    retryable: false,
  });
});

test('a call ends by its time, or by its signal, and leaves no connection', async () => {
  const { url: silent, server: listener } = await listen(() => {});
  const hooks = new Hooks({ url: silent, namespace: 'a' });
  await assert.rejects(hooks.fetch({}, { timeoutMs: 50 }), { code: 'timeout', uncertain: true });

  const reason = new Error('enough');
  const controller = new AbortController();
  const call = hooks.fetch({}, { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 20);
  await assert.rejects(call, reason);
  await assert.rejects(hooks.fetch({}, { signal: AbortSignal.abort() }), { name: 'AbortError' });

  const open = () => new Promise((resolve) => listener.getConnections((_, count) => resolve(count)));
  while ((await open()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});
