/** Fetches a tile and has the browser decode it beside the page's thread. */

export interface Fetching {
  signal?: AbortSignal;
  priority?: RequestPriority;
}

/** @throws when it does not come or is no picture. */
export async function tileBitmap(url: string, { signal, priority }: Fetching = {}): Promise<ImageBitmap> {
  const answer = await fetch(url, { ...(signal && { signal }), ...(priority && { priority }) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  // The values as they are stored: colours are converted by the server, where that is asked for.
  return createImageBitmap(await answer.blob(), { colorSpaceConversion: 'none' });
}
