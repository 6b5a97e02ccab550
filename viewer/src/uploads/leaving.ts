/** The browser asks before a page is closed, or loaded again, on which something is under way. */

/** For as long as the page is there. */
export function askBeforeLeavingWhile(isBusy: () => boolean): void {
  globalThis.addEventListener?.('beforeunload', (event) => {
    if (isBusy()) event.preventDefault();
  });
}
