// Web Crypto. Node 18 has it, too, but not yet as a global; the name of its module is kept from
// bundlers, which would look for it in browsers.
const ofNode = 'node:crypto';

export async function webCrypto(): Promise<Crypto> {
  return globalThis.crypto ?? ((await import(ofNode)) as { webcrypto: Crypto }).webcrypto;
}

/** 128 random bits, as text. */
export async function randomKey(): Promise<string> {
  const bytes = (await webCrypto()).getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
