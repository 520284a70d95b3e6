// Signatures of webhooks, by Standard Webhooks 1.0.0 (https://www.standardwebhooks.com), as
// include/rhooks/verify.h has them.

import { webCrypto } from './crypto.js';

/** A webhook as it arrived, and what it is verified by. */
export interface Webhook {
  /** One secret, or several while it is being replaced: `whsec_…`, or `whpk_…`, a public key of ed25519. */
  secret: string | string[];
  /** Those of fetch, or an object such as `request.headers` of node. */
  headers: Headers | Record<string, string | string[] | undefined>;
  /** The body as it arrived: not what was parsed of it, and written again. */
  body: string | Uint8Array | ArrayBuffer;
  /** How much earlier or later than now it may have been signed; default 300. */
  toleranceSeconds?: number;
  /** Now; default the clock. */
  now?: Date;
}

/** A webhook that is to be believed. */
export interface VerifiedWebhook {
  /** `webhook-id`: the same of each attempt of one occurrence, so it tells what came before. */
  id: string;
  /** When it was signed. */
  timestamp: Date;
  /** The body as text. */
  text: string;
}

/** A webhook is not to be believed, or the receiver is set up wrongly. No message quotes a secret. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';
  /**
   * The header that is not believed: answer 400 or 401. `secret` or `secret[1]`: the receiver is set up
   * wrongly, answer 500.
   */
  readonly field: string;

  constructor(field: string, detail: string) {
    super(`${field}: ${detail}`);
    this.field = field;
  }
}

const signaturesMax = 16;

/**
 * Verifies that whoever knows one of the secrets sent just this webhook, lately. Of several secrets and
 * several signatures one pair has to fit; they are compared in constant time, by Web Crypto. Signatures
 * of other versions than `v1` and `v1a` are passed over. Throws a `WebhookError`.
 */
export async function verifyWebhook(webhook: Webhook): Promise<VerifiedWebhook> {
  const secrets = [webhook.secret].flat();
  if (secrets.length === 0) throw new WebhookError('secret', 'give at least one');
  const keys = await Promise.all(
    secrets.map((secret, i) => keyOf(secret, Array.isArray(webhook.secret) ? `secret[${i}]` : 'secret')),
  );

  const id = headerOf(webhook, 'webhook-id');
  if (!/^[!-\-/-~]+$/.test(id))
    throw new WebhookError('webhook-id', 'must be of visible ASCII characters without a dot');
  const timestamp = timestampOf(webhook);
  const signatures = headerOf(webhook, 'webhook-signature').split(' ').slice(0, signaturesMax);

  const body =
    typeof webhook.body === 'string' ? new TextEncoder().encode(webhook.body) : new Uint8Array(webhook.body);
  const head = new TextEncoder().encode(`${id}.${headerOf(webhook, 'webhook-timestamp')}.`);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);

  for (const signature of signatures) {
    for (const key of keys) {
      if (await fits(key, signature, signed)) return { id, timestamp, text: new TextDecoder().decode(body) };
    }
  }
  throw new WebhookError('webhook-signature', 'no signature is of this webhook and these secrets');
}

interface VerifyingKey {
  version: 'v1' | 'v1a';
  algorithm: 'HMAC' | 'Ed25519';
  key: CryptoKey;
}

async function keyOf(secret: string, field: string): Promise<VerifyingKey> {
  const isPublic = secret.startsWith('whpk_');
  if (secret.startsWith('whsk_'))
    throw new WebhookError(field, 'is a private key; a receiver takes the public one, whpk_');
  const bytes = bytesOf(secret.replace(/^(whpk|whsec)_/, ''));
  if (!bytes) throw new WebhookError(field, 'must be whsec_ or whpk_ and base64');
  const { subtle } = await webCrypto();
  if (isPublic) {
    if (bytes.length !== 32)
      throw new WebhookError(field, `has ${bytes.length} bytes behind whpk_, which takes 32`);
    const key = await subtle.importKey('raw', bytes, 'Ed25519', false, ['verify']);
    return { version: 'v1a', algorithm: 'Ed25519', key };
  }
  if (bytes.length < 24 || bytes.length > 64) {
    throw new WebhookError(field, `has ${bytes.length} bytes behind whsec_, which takes 24 to 64`);
  }
  const key = await subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  return { version: 'v1', algorithm: 'HMAC', key };
}

async function fits(
  { version, algorithm, key }: VerifyingKey,
  text: string,
  signed: Uint8Array<ArrayBuffer>,
) {
  if (!text.startsWith(`${version},`)) return false;
  const signature = bytesOf(text.slice(version.length + 1));
  return signature !== undefined && (await webCrypto()).subtle.verify(algorithm, key, signature, signed);
}

function timestampOf(webhook: Webhook): Date {
  const field = 'webhook-timestamp';
  const text = headerOf(webhook, field);
  if (!/^\d{1,11}$/.test(text)) throw new WebhookError(field, 'must be whole seconds since 1970');
  const timestamp = new Date(Number(text) * 1000);
  const ageSeconds = ((webhook.now ?? new Date()).getTime() - timestamp.getTime()) / 1000;
  const tolerance = webhook.toleranceSeconds ?? 300;
  // Written so that what is no number refuses.
  if (!(Math.abs(ageSeconds) <= tolerance)) {
    throw new WebhookError(field, `is more than ${tolerance} s ${ageSeconds > 0 ? 'old' : 'ahead'}`);
  }
  return timestamp;
}

// Where a header stands twice, fetch and node join its values by a comma and a space, which none of the
// three has by itself.
function headerOf({ headers }: Webhook, name: string): string {
  const values: (string | null | undefined)[] = isHeaders(headers)
    ? [headers.get(name)]
    : Object.keys(headers)
        .filter((key) => key.toLowerCase() === name)
        .flatMap((key) => headers[key])
        .filter((value) => value !== undefined);
  const [value] = values;
  if (!value) throw new WebhookError(name, 'is missing');
  if (values.length > 1 || value.includes(', ')) throw new WebhookError(name, 'is given more than once');
  return value;
}

const isHeaders = (headers: Webhook['headers']): headers is Headers => typeof headers.get === 'function';

// The bytes of strict base64.
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) return undefined;
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
