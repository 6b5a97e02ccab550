/**
 * SHA-256 (FIPS 180-4) of bytes that come one after the other. WebCrypto wants all of them at once, and a slide has gigabytes.
 * The server computes the same of what it has: a mistake here cannot pass.
 */

const roundConstants = new Uint32Array(64);
const initial = new Uint32Array(8);

/** The first 32 bits behind the point of roots of the first primes (FIPS 180-4 §4.2.2, §5.3.3). */
for (let candidate = 2, count = 0; count < 64; candidate += 1) {
  let prime = true;
  for (let factor = 2; factor * factor <= candidate; factor += 1) prime &&= candidate % factor !== 0;
  if (!prime) continue;
  const bits = (root: number) => Math.floor((root - Math.floor(root)) * 2 ** 32);
  roundConstants[count] = bits(Math.cbrt(candidate));
  if (count < 8) initial[count] = bits(Math.sqrt(candidate));
  count += 1;
}

const blockBytes = 64;

export class Sha256 {
  private readonly state = initial.slice();
  private readonly schedule = new Uint32Array(64);
  private readonly rest = new Uint8Array(blockBytes);
  private restBytes = 0;
  private length = 0;

  update(bytes: Uint8Array): this {
    this.length += bytes.length;
    let at = 0;
    if (this.restBytes > 0) {
      at = Math.min(blockBytes - this.restBytes, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.restBytes);
      this.restBytes += at;
      if (this.restBytes < blockBytes) return this;
      this.compress(this.rest, 0);
      this.restBytes = 0;
    }
    for (; at + blockBytes <= bytes.length; at += blockBytes) this.compress(bytes, at);
    this.rest.set(bytes.subarray(at));
    this.restBytes = bytes.length - at;
    return this;
  }

  /** The 32 bytes; nothing can be added any more. */
  digest(): Uint8Array {
    const bits = this.length;
    const padding = new Uint8Array(((this.restBytes < 56 ? 56 : 120) - this.restBytes) + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 29));
    view.setUint32(padding.length - 4, (bits * 8) >>> 0);
    this.update(padding);
    const out = new DataView(new ArrayBuffer(32));
    this.state.forEach((word, index) => out.setUint32(index * 4, word));
    return new Uint8Array(out.buffer);
  }

  hex(): string {
    return [...this.digest()].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  private compress(bytes: Uint8Array, at: number): void {
    const w = this.schedule;
    const s = this.state;
    for (let i = 0; i < 16; i += 1) {
      const from = at + i * 4;
      w[i] = (bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!;
    }
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15]!;
      const y = w[i - 2]!;
      const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = w[i - 16]! + low + w[i - 7]! + high;
    }
    let [a, b, c, d, e, f, g, h] = [s[0]! | 0, s[1]! | 0, s[2]! | 0, s[3]! | 0, s[4]! | 0, s[5]! | 0, s[6]! | 0, s[7]! | 0];
    for (let i = 0; i < 64; i += 1) {
      const high = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + high + ((e & f) ^ (~e & g)) + roundConstants[i]! + w[i]!) | 0;
      const low = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (low + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    s[0]! += a;
    s[1]! += b;
    s[2]! += c;
    s[3]! += d;
    s[4]! += e;
    s[5]! += f;
    s[6]! += g;
    s[7]! += h;
  }
}
