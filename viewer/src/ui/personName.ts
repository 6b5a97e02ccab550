/** DICOM person names (PS3.5 §6.2) as they are said aloud. */

const han = /\p{Script=Han}/u;
/** Chinese names are written without a space, whatever separated their components. */
const spaceInHan = /(?<=\p{Script=Han})\s+(?=\p{Script=Han})/gu;

function joinComponents(group: string): string {
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group.split('^').map((part) => part.trim());
  const separator = han.test(group) ? '' : ' ';
  return [prefix, family, given, middle, suffix].filter((part) => part !== '').join(separator);
}

/**
 * The ideographic group when there is one, else the alphabetic, else the phonetic.
 * `Zhang^San=张^三` reads 张三, `Doe^John` reads "Doe John"; a name that is plain already stays as it is.
 */
export function displayName(value: string): string {
  const [alphabetic = '', ideographic = '', phonetic = ''] = value.split('=');
  const group = [ideographic, alphabetic, phonetic].find((candidate) => candidate.replace(/\^/g, '').trim() !== '');
  return group === undefined ? '' : joinComponents(group).replace(spaceInHan, '');
}
