/** What a browser is, from what it calls itself: only so that its owner knows it again. */

const browsers: readonly [mark: RegExp, name: string][] = [
  [/MicroMessenger/, 'WeChat'],
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];

const systems: readonly [mark: RegExp, name: string][] = [
  [/Windows/, 'Windows'],
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
];

export function browserName(userAgent: string): string | null {
  const of = (known: typeof browsers) => known.find(([mark]) => mark.test(userAgent))?.[1];
  const parts = [of(browsers), of(systems)].filter((part) => part !== undefined);
  return parts.length === 0 ? (userAgent === '' ? null : userAgent.slice(0, 40)) : parts.join(' · ');
}
