/** The server's own words, where it says them in both languages: `中文 / English`. */
const han = /\p{Script=Han}/u;

export function ownHalf(text: string, language: string): string {
  const at = text.indexOf(' / ');
  if (at < 0) return text;
  const [chinese, english] = [text.slice(0, at), text.slice(at + 3)];
  if (!han.test(chinese) || han.test(english)) return text;
  return language === 'en' ? english : chinese;
}
