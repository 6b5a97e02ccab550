/** Computes a file's SHA-256 beside the page, streaming: WebCrypto would want the whole file in memory. */
import { createSHA256 } from 'hash-wasm';

export interface HashAnswer {
  sha256: string | null;
}

self.onmessage = (event: MessageEvent<File>) => {
  void hashed(event.data).then(
    (sha256) => self.postMessage({ sha256 } satisfies HashAnswer),
    () => self.postMessage({ sha256: null } satisfies HashAnswer),
  );
};

async function hashed(file: File): Promise<string> {
  const hash = await createSHA256();
  hash.init();
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return hash.digest('hex');
    hash.update(value);
  }
}
