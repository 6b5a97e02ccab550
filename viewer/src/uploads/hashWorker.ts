/** Computes the SHA-256 of each file that it is given. */
import { Sha256 } from './sha256';

export interface HashAnswer {
  sha256: string | null;
}

self.onmessage = (event: MessageEvent<Blob>) => {
  void hashed(event.data).then(
    (sha256) => self.postMessage({ sha256 } satisfies HashAnswer),
    () => self.postMessage({ sha256: null } satisfies HashAnswer),
  );
};

async function hashed(file: Blob): Promise<string> {
  const hash = new Sha256();
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return hash.hex();
    hash.update(value);
  }
}
