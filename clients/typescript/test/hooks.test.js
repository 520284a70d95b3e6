import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Hooks } from 'rhooks-client';
import { all, listen, startServer } from './support.js';

let hooks;
let receiver;
const later = new Date('2030-01-31T12:00:00Z');

before(async () => {
  const { url } = await startServer();
  receiver = await listen((request, response) =>
    response.writeHead(request.url === '/bad' ? 500 : 200).end('done'),
  );
  hooks = new Hooks({ url: `${url}/`, namespace: 'app' });
});

test('a task is registered, delivered and deleted', async () => {
  const task = await hooks.register({ url: receiver.url, method: 'POST', body: { order: 17 } });
  assert.equal(task.namespace, 'app');
  const done = await hooks.waitFor(task, { timeoutMs: 20_000 });
  assert.equal(done.status, 'DONE');
  const [log] = await all(hooks.logs({ taskId: task.id }));
  assert.equal(log.response.body, 'done');
  assert.equal((await hooks.delete(task)).id, task.id);
  assert.equal(await hooks.get(task), null);
  await assert.rejects(hooks.getOrThrow(task), {
    name: 'HooksError',
    code: 'not_found',
    status: 404,
    retryable: false,
  });
});

test('dates and names of any kind arrive', async () => {
  const key = { namespace: 'a/b#c %', id: 'ünd ? & + 100%' };
  const task = await hooks.register({ ...key, url: receiver.url, scheduledDate: later });
  assert.equal(task.scheduledDate, '2030-01-31T12:00:00.000Z');
  assert.equal((await hooks.get(key)).id, key.id);
  assert.equal((await hooks.fetch({ namespace: key.namespace, from: later, to: later })).count, 1);
  assert.deepEqual(await hooks.clear(key.namespace), { count: 1 });
});

test('an iterator sees each task once', async () => {
  const namespace = 'many';
  const items = Array.from({ length: 250 }, (_, i) => ({
    id: `t${i}`,
    url: receiver.url,
    scheduledDate: later,
  }));
  const results = await hooks.registerMany(items.map((item) => ({ ...item, namespace })));
  assert.ok(results.every((result) => result.status === 201));
  const ids = (await all(hooks.tasks({ namespace, limit: 7 }))).map((task) => task.id);
  assert.equal(new Set(ids).size, 250);
  assert.equal(ids.length, 250);
  assert.ok((await all(hooks.namespaces({ limit: 1 }))).includes(namespace));

  const chunks = [];
  const { count } = await hooks.suspendMany(
    { namespace, chunkLimit: 100 },
    { onChunk: (chunk) => chunks.push(chunk.count) },
  );
  assert.equal(count, 250);
  assert.ok(chunks.length >= 3);
  assert.equal((await hooks.fetch({ namespace, status: 'SUSPENDED', limit: 1000 })).count, 250);
  assert.equal((await hooks.unsuspendMany({ namespace, id: 't1' })).count, 111);
  assert.equal((await hooks.cancelMany({ namespace, id: 't1' })).count, 111);
  assert.equal((await hooks.deleteMany({ namespace })).count, 250);
});

test('a batch tells of each item', async () => {
  const [good, bad] = await hooks.registerMany([
    { url: receiver.url, scheduledDate: later },
    { url: 'ftp://nowhere', scheduledDate: later },
  ]);
  assert.equal(good.status, 201);
  assert.equal(bad.status, 400);
  assert.match(bad.error.field, /url/);
});

test('a task is suspended, resumed, run now and cancelled', async () => {
  const task = await hooks.register({ url: receiver.url, scheduledDate: later });
  assert.equal((await hooks.suspend(task)).status, 'SUSPENDED');
  await assert.rejects(hooks.suspend(task), { code: 'conflict', status: 409, uncertain: false });
  assert.equal((await hooks.unsuspend(task)).status, 'ACTIVE');
  assert.equal((await hooks.cancel(task)).failureReason, 'cancelled');
  await hooks.trigger(task);
  assert.equal((await hooks.waitFor(task, { timeoutMs: 20_000 })).status, 'DONE');
  assert.equal(typeof (await hooks.trigger()).processed, 'number');
  assert.equal(typeof (await hooks.triggerDryrun()).count, 'number');
});

test('schedules are previewed', async () => {
  const schedule = { cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin' };
  const preview = await hooks.previewSchedule({ schedule, from: later, count: 3 });
  assert.equal(preview.occurrences.length, 3);
  const task = await hooks.register({ url: receiver.url, schedule });
  assert.equal((await hooks.preview(task, { count: 2 })).occurrences.length, 2);
});

test('past occurrences of a series run again', async () => {
  const from = new Date(Date.now() - 3_600_000);
  const task = await hooks.register({
    namespace: 'series',
    url: receiver.url,
    schedule: { every: '10m', start: from.toISOString() },
  });
  const query = { from, to: new Date(), chunkLimit: 4 };
  const planned = await hooks.backfill(task, { ...query, dryRun: true });
  assert.ok(planned.count > 4);
  assert.equal(planned.created, 0);
  const chunks = [];
  const done = await hooks.backfill(task, query, { onChunk: (chunk) => chunks.push(chunk) });
  assert.ok(chunks.length > 1);
  assert.deepEqual(done, { count: planned.count, created: planned.count });
  assert.deepEqual(await hooks.backfill(task, query), { count: planned.count, created: 0 });
});

test('failed tasks are driven again', async () => {
  const namespace = 'failed';
  const task = await hooks.register({ namespace, url: `${receiver.url}/bad`, retryLimit: 0 });
  assert.equal((await hooks.waitFor(task, { timeoutMs: 20_000 })).status, 'FAILED');
  const redrive = await hooks.redrive({ namespace, rate: '10/1s' });
  assert.equal(redrive.rate, '10/1s');
  assert.equal((await hooks.getRedrive({ namespace })).namespace, namespace);
  await hooks.cancelRedrive({ namespace });
});

test('endpoints and secrets are put, changed and deleted', async () => {
  const key = { name: 'acme' };
  const made = await hooks.endpoints.put({ ...key, url: receiver.url, ifNone: true });
  await assert.rejects(hooks.endpoints.put({ ...key, url: receiver.url, ifNone: true }), { status: 412 });
  const changed = await hooks.endpoints.change({ ...key, ifMatch: made.revision }, { timeout: '5s' });
  assert.equal(changed.timeout, '5s');
  await assert.rejects(hooks.endpoints.change({ ...key, ifMatch: made.revision }, { timeout: null }), {
    status: 412,
  });
  assert.equal((await hooks.endpoints.pause(key)).paused, true);
  await hooks.endpoints.resume(key);
  assert.equal((await hooks.endpoints.test(key)).status, 'SUCCESS');
  assert.deepEqual(
    (await all(hooks.endpoints.list())).map((one) => one.name),
    ['acme'],
  );

  const token = { name: 'token' };
  await hooks.secrets.put({ ...token, type: 'token', value: 'hush' });
  await hooks.endpoints.change(key, { auth: 'token' });
  await assert.rejects(hooks.secrets.delete(token), { code: 'conflict' });
  const rotated = await hooks.secrets.rotate(token, { value: 'hush hush'.replace(' ', '-') });
  assert.equal(rotated.name, 'token');
  assert.ok(!('value' in (await hooks.secrets.get(token))));
  assert.equal((await all(hooks.secrets.list())).length, 1);
  await hooks.endpoints.delete(key);
  await hooks.secrets.delete(token);
});

test('API keys are made, changed and revoked', async () => {
  const { url } = await startServer();
  const first = await new Hooks({ url }).keys.create({ role: 'admin', namespaces: ['*'] });
  const { keys } = new Hooks({ url, apiKey: first.key });
  const second = await keys.create({ role: 'write', namespaces: ['app'], expiresAt: later });
  assert.equal((await keys.change(second, { role: 'read', expiresAt: null })).role, 'read');
  assert.equal((await keys.get(second)).role, 'read');
  const reader = new Hooks({ url, apiKey: second.key, namespace: 'app' });
  await assert.rejects(reader.register({ url: receiver.url }), { code: 'forbidden', status: 403 });
  await keys.revoke({ id: second.id });
  await assert.rejects(reader.fetch(), { status: 401, retryable: false });
  assert.equal((await all(keys.list())).length, 1);
});

test('errors name the field', async () => {
  await assert.rejects(hooks.register({ url: receiver.url, retryLimit: -1 }), {
    code: 'invalid_argument',
    field: 'retryLimit',
    status: 400,
    retryable: false,
  });
  await assert.rejects(new Hooks({ url: 'http://127.0.0.1:1' }).fetch(), /namespace/);
  assert.throws(() => new Hooks({ url: 'ftp://a' }), TypeError);
  assert.throws(() => new Hooks({ url: 'http://a', apiKey: 'hush\n' }), (error) => !error.message.includes('hush'));
  await assert.rejects(hooks.delete({ id: '' }), /must not be empty/);
});

test('the store is described', async () => {
  assert.equal((await hooks.describeStore()).kind, 'rocksdb');
});
