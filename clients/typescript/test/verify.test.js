import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyWebhook } from 'rhooks-client/verify';
import { binary, temporaryDirectory } from './support.js';

// The example of the specification of Standard Webhooks.
const example = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  headers: {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  },
  body: '{"test": 2432232314}',
  now: new Date(1614265330_000),
};
const other = 'whsec_' + Buffer.alloc(32, 1).toString('base64');

const refused = (changes, field) =>
  assert.rejects(verifyWebhook({ ...example, ...changes }), { name: 'WebhookError', field });
const withHeaders = (headers) => ({ headers: { ...example.headers, ...headers } });

test('the published example is good, in each form', async () => {
  const good = await verifyWebhook(example);
  assert.equal(good.id, 'msg_p5jXN8AQM9LWM0D4loKWxJek');
  assert.equal(good.timestamp.getTime(), 1614265330_000);
  assert.equal(good.text, example.body);
  const bytes = new TextEncoder().encode(example.body);
  await verifyWebhook({ ...example, body: bytes });
  await verifyWebhook({ ...example, body: bytes.buffer });
  await verifyWebhook({ ...example, headers: new Headers(example.headers) });
  await verifyWebhook({ ...example, secret: example.secret.slice('whsec_'.length) });
  await verifyWebhook({ ...example, secret: [other, example.secret] });
  const signature = example.headers['webhook-signature'];
  await verifyWebhook({ ...example, ...withHeaders({ 'webhook-signature': `v2,x v1,AAAA ${signature}` }) });
  await verifyWebhook({
    ...example,
    headers: { ...withHeaders({ 'webhook-id': undefined }).headers, 'Webhook-Id': good.id },
  });
});

test('what was changed, is old or garbled is refused', async () => {
  await refused({ body: `${example.body} ` }, 'webhook-signature');
  await refused({ secret: other }, 'webhook-signature');
  await refused(withHeaders({ 'webhook-id': 'msg_other' }), 'webhook-signature');
  await refused(withHeaders({ 'webhook-id': 'a.b' }), 'webhook-id');
  await refused(withHeaders({ 'webhook-id': ['a', 'b'] }), 'webhook-id');
  await refused(withHeaders({ 'webhook-signature': undefined }), 'webhook-signature');
  await refused(withHeaders({ 'webhook-timestamp': '1614265330.5' }), 'webhook-timestamp');
  await refused({ now: new Date(1614265631_000) }, 'webhook-timestamp');
  await refused({ now: new Date(1614265029_000) }, 'webhook-timestamp');
  await refused({ now: new Date(NaN) }, 'webhook-timestamp');
  const late = Array(16).fill('v1,AAAA').join(' ') + ' ' + example.headers['webhook-signature'];
  await refused(withHeaders({ 'webhook-signature': late }), 'webhook-signature');
});

test('a secret that is none is told, and not quoted', async () => {
  for (const secret of [
    'whsec_hush hush',
    'whsec_' + Buffer.alloc(23).toString('base64'),
    'whsk_AAAA',
    'whpk_AAAA',
    '',
  ]) {
    await refused({ secret }, 'secret');
  }
  await refused({ secret: [example.secret, 'hush hush'] }, 'secret[1]');
  await assert.rejects(
    verifyWebhook({ ...example, secret: 'hush hush' }),
    (error) => !/hush/.test(error.message),
  );
});

test('ed25519 is verified by the public key', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
  const content = `${example.headers['webhook-id']}.${example.headers['webhook-timestamp']}.${example.body}`;
  const signature = `v1a,${sign(null, Buffer.from(content), privateKey).toString('base64')}`;
  const signed = { ...example, ...withHeaders({ 'webhook-signature': signature }), secret: `whpk_${raw}` };
  await verifyWebhook(signed);
  await assert.rejects(verifyWebhook({ ...signed, body: 'other' }), { field: 'webhook-signature' });
});

test('what rhooks signs is good', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'secret');
  writeFileSync(file, `${example.secret}\n`, { mode: 0o600 });
  const body = 'ü and {"a": 1}';
  writeFileSync(join(directory, 'body'), body);
  const lines = execFileSync(binary(), [
    'sign',
    '--secret-file',
    file,
    '--body-file',
    join(directory, 'body'),
  ]);
  const headers = Object.fromEntries(
    lines
      .toString()
      .trim()
      .split('\n')
      .map((line) => line.split(': ')),
  );
  assert.equal((await verifyWebhook({ secret: example.secret, headers, body })).text, body);
});
