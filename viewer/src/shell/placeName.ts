/** What a place is called, by its address. */
const otherNames: Readonly<Record<string, string>> = { '': 'worklist', cases: 'case' };

/** The key of its word among those of `place`, if there is one: mostly the first part of the address. */
export function placeKey(pathname: string): string {
  const [, first = '', , third] = pathname.split('/');
  return third === 'report' ? 'report' : (otherNames[first] ?? first);
}
