import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Hooks, HooksError } from 'rhooks-client/compat';
import { listen, startServer } from './support.js';

const namespace = 'app';
const scheduledDate = '2030-01-31T12:00:00.000Z';
let hooks;
let requestUrl;

before(async () => {
  const { url } = await startServer();
  requestUrl = (await listen((request, response) => response.end('done'))).url;
  hooks = new Hooks({ url });
});

test('a task goes and comes by the names that it had', async () => {
  const given = {
    namespace,
    requestUrl,
    requestMethod: 'POST',
    requestBody: { a: 1 },
    requestHeaders: { 'x-a': '1' },
  };
  const repeated = { scheduledDate, repeatInterval: 30, repeatUnit: 'minutes' };
  const task = await hooks.registerTask({ ...given, ...repeated, eventPattern: '', concurrency: false });
  const { requestUrl: url, requestMethod, requestBody, requestHeaders } = task;
  assert.deepEqual({ namespace, requestUrl: url, requestMethod, requestBody, requestHeaders }, given);
  assert.deepEqual(
    [task.repeatInterval, task.repeatMax, task.repeatUnit, task.status],
    [30, 0, 'minutes', 'ACTIVE'],
  );

  assert.equal((await hooks.setTaskActive({ ...task, active: false })).status, 'DISABLED');
  const disabled = await hooks.fetchTasks({
    namespace,
    status: 'DISABLED',
    fromScheduledDate: scheduledDate,
    toScheduledDate: scheduledDate,
  });
  assert.deepEqual(
    disabled.items.map((one) => one.id),
    [task.id],
  );
  assert.equal((await hooks.fetchTasks({ namespace, id: task.id })).count, 1);
  assert.equal((await hooks.fetchTasks({ namespace, id: task.id.slice(0, 5) })).count, 0);
  assert.equal((await hooks.fetchTasks({ namespace, idPrefix: task.id.slice(0, 5) })).count, 1);
  assert.equal((await hooks.setTaskActive({ id: task.id, namespace, active: true })).status, 'ACTIVE');
  assert.equal((await hooks.deleteTask(task)).id, task.id);
  await assert.rejects(hooks.getTask(task), { code: 'not_found' });
});

test('what ran is counted by the names that it had', async () => {
  const task = await hooks.registerTask({ namespace: 'ran', requestUrl });
  await hooks.waitFor(task, { timeoutMs: 20_000 });
  const ran = await hooks.getTask(task);
  assert.deepEqual([ran.status, ran.totalExecutions, ran.totalErrors], ['MAX-REPEAT-REACHED', 1, 0]);
  assert.equal((await hooks.clearTasks('ran')).count, 1);
});

test('what the server does not have is refused', async () => {
  for (const field of [
    'eventPattern',
    'conditionFilter',
    'forkId',
    'noBefore',
    'ruleId',
    'eventDelayValue',
  ]) {
    const refused = hooks.registerTask({ namespace, requestUrl, [field]: 'x' });
    await assert.rejects(
      refused,
      (error) => error instanceof HooksError && error.code === 'unsupported' && error.field === field,
    );
  }
  await assert.rejects(hooks.registerTask({ namespace, requestUrl, scheduledDate: '-' }), {
    field: 'scheduledDate',
  });
  await assert.rejects(hooks.getTask({ namespace, id: 'a', fork: true }), { field: 'fork' });
  await assert.rejects(hooks.trigger({ namespace, eventPattern: 'a' }), { field: 'eventPattern' });
  await assert.rejects(hooks.trigger({ namespace }), TypeError);
  await assert.rejects(hooks.fetchTasks({ namespace, eventPattern: 'a' }), { field: 'eventPattern' });
  for (const option of ['accessKeyId', 'tasksTableName', 'maxConcurrency', 'maxErrors']) {
    assert.throws(() => new Hooks({ url: requestUrl, [option]: 'x' }), {
      name: 'TypeError',
      message: new RegExp(option),
    });
  }
});
